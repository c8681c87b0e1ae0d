// Makes a failing sequence small: leaves out commands, commits, changes and options, one at a time, as long as it still fails.

import type { Command } from '../../src/conformance/index.ts'

export async function shrink(
  commands: readonly Command[],
  fails: (commands: readonly Command[]) => Promise<boolean>,
): Promise<readonly Command[]> {
  let smallest = commands
  for (let found = true; found;) {
    found = false
    for (const smaller of smallerThan(smallest)) {
      if (!(await fails(smaller))) continue
      smallest = smaller
      found = true
      break
    }
  }
  return smallest
}

/** Large cuts first. */
function* smallerThan(commands: readonly Command[]): Generator<readonly Command[]> {
  for (let size = commands.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < commands.length; at += size) yield commands.toSpliced(at, size)
  }
  for (const [at, command] of commands.entries()) {
    for (const simpler of simplerThan(command)) yield commands.with(at, simpler)
  }
}

function* simplerThan(command: Command): Generator<Command> {
  if (command.do === 'reopen' && command.unanswered) {
    const { unanswered, ...rest } = command
    yield rest
    for (const list of shorter(unanswered)) yield { ...command, unanswered: list }
    for (const [at, sketch] of unanswered.entries()) {
      for (const changes of shorter(sketch.changes))
        yield { ...command, unanswered: unanswered.with(at, { ...sketch, changes }) }
    }
  }
  if (command.do === 'lease') for (const wants of shorter(command.wants)) yield { ...command, wants }
  if (command.do !== 'commit') return
  for (const commits of shorter(command.commits)) yield { ...command, commits }
  for (const [at, sketch] of command.commits.entries()) {
    const { changes, ...options } = sketch
    if (Object.keys(options).length > 0) yield { ...command, commits: command.commits.with(at, { changes }) }
    for (const fewer of shorter(changes))
      yield { ...command, commits: command.commits.with(at, { ...sketch, changes: fewer }) }
    for (const [place, change] of changes.entries()) {
      if (change.do !== 'send' && change.do !== 'publish') continue
      for (const name of ['type', 'key', 'priority', 'delay', 'expires', 'dedupe', 'report'] as const) {
        const { [name]: left, ...plainer } = change
        if (left !== undefined)
          yield { ...command, commits: command.commits.with(at, { ...sketch, changes: changes.with(place, plainer) }) }
      }
    }
  }
}

function* shorter<T>(list: readonly T[]): Generator<readonly T[]> {
  if (list.length > 1) for (let at = 0; at < list.length; at++) yield list.toSpliced(at, 1)
}
