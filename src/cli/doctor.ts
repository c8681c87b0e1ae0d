/** `posthorn doctor`: what this machine and this engine can do, what the numbers mean, and what to do about what is wrong. */
import { dirname } from 'node:path'
import type { Command } from 'commander'
import { DEFAULTS } from '../core/default.ts'
import { DEFAULT_QUEUE } from '../core/settings.ts'
import type { Check } from './check/check.ts'
import { defaultFacts } from './check/default.ts'
import { checkDisk } from './check/disk.ts'
import { checkEngine } from './check/engine.ts'
import { checkFiles, checkMemory, checkNode } from './check/limit.ts'
import { engineUrl, placeOf } from './connect.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'
import { writeFacts } from './table.ts'

/** Longer lines are hard to read. */
const WIDEST = 120

export function addDoctor(program: Command, session: Session): void {
  program
    .command('doctor')
    .description('check Node, the engine, the disk and the limits; print the defaults')
    .action((_options: unknown, command: Command) => doctor(session, command.optsWithGlobals()))
}

/** The folder in which the engine writes on this machine; null where it does not. */
function folderOf(url: string, cwd: string): string | null {
  const place = placeOf(url, cwd)
  return place === null || url.startsWith('file:') ? place : dirname(place)
}

async function doctor(session: Session, options: CommonOptions): Promise<void> {
  const url = engineUrl(session, options)
  const folder = folderOf(url, session.cwd)
  const checks = [
    checkNode(),
    await checkEngine(session, options),
    ...(folder === null ? [] : checkDisk(session, folder, url.startsWith('file:'))),
    checkFiles(),
    checkMemory(),
  ]
  if (checks.some(({ verdict }) => verdict === 'wrong')) session.exit = 'failed'
  if (options.json) {
    const told = checks.map((check) => ({ ...check, meaning: check.meaning.join(' ') }))
    return writeJson(session, { checks: told, defaults: { ...DEFAULTS, queue: DEFAULT_QUEUE } })
  }
  writeChecks(session, checks)
  session.terminal.out(`\n${session.terminal.style('bold', 'Defaults')}`)
  writeFacts(session.terminal, defaultFacts())
}

function writeChecks({ terminal }: Session, checks: readonly Check[]): void {
  const marks = {
    ok: terminal.style('green', '✓'),
    note: terminal.style('yellow', '!'),
    wrong: terminal.style('red', '✗'),
  }
  const widest = Math.max(...checks.map(({ name }) => name.length))
  const indent = ' '.repeat(widest + 4)
  const columns = Math.min(terminal.columns, WIDEST) - indent.length
  for (const { name, verdict, found, meaning } of checks) {
    const [first = '', ...more] = wrap(found, columns)
    terminal.out(`${marks[verdict]} ${name.padEnd(widest)}  ${first}`)
    for (const line of more) terminal.out(indent + line)
    for (const line of wrap(meaning.join(' '), columns)) terminal.out(terminal.style('dim', indent + line))
  }
}

/** Lines of whole words; a word that is too long has its own. */
function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (word === '') continue
    if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
