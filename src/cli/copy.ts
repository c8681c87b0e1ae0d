/** `posthorn copy`: all that one engine keeps into another, with how far it is and what was compared at the end. */
import type { Command } from 'commander'
import { copy, type CopyReport } from '../copy.ts'
import { countOf, formatCount } from './format.ts'
import { createProgress, type Progress } from './progress.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'

interface CopyOptions extends CommonOptions {
  readonly from: string
  readonly to: string
}

export function addCopy(program: Command, session: Session): void {
  program
    .command('copy')
    .description('copy everything from one engine into another that is empty, and compare; ended half way it goes on')
    .requiredOption('--from <url>', 'the engine to copy; a file engine must not be in use')
    .requiredOption('--to <url>', 'the engine that takes it in; nobody may use it before the copy is finished')
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CopyOptions>()
      const shown = new Map<string, Progress>()
      const clear = (): void => {
        for (const progress of shown.values()) progress[Symbol.dispose]()
      }
      try {
        const report = await copy(options.from, options.to, {
          onProgress({ doing, done }) {
            let progress = shown.get(doing)
            if (progress === undefined) {
              clear()
              const { terminal, clock } = session
              shown.set(doing, (progress = createProgress({ terminal, clock, doing, quiet: options.json })))
            }
            progress.at({ done, unit: 'pieces' })
          },
        })
        clear()
        if (options.json) writeJson(session, report)
        else tell(session, report)
      } finally {
        clear()
      }
    })
}

function tell({ terminal }: Session, { from, to, at, counts, checksum, resumedAfter }: CopyReport): void {
  const { messages, queues, topics, events, records, subscriptions, dedupes, commits } = counts
  const states = Object.entries(messages).filter(([, count]) => count > 0)
  const sum = states.reduce((all, [, count]) => all + count, 0)
  terminal.out(`${terminal.style('green', 'copied')} ${from} to ${to}, as of ${new Date(at).toISOString()}`)
  if (resumedAfter > 0) terminal.out(`  went on after ${countOf(resumedAfter, 'piece')}`)
  const told = states.map(([state, count]) => `${formatCount(count)} ${state}`).join(', ')
  terminal.out(`  ${countOf(sum, 'message')} of ${countOf(queues, 'queue')}${told === '' ? '' : `: ${told}`}`)
  terminal.out(`  ${countOf(records, 'record')}, ${countOf(subscriptions, 'subscription')}`)
  terminal.out(`  ${countOf(events, 'retained event')} of ${countOf(topics, 'topic')}`)
  terminal.out(`  ${countOf(dedupes, 'dedupe text')}, ${countOf(commits, 'commit id')}`)
  terminal.out(`compared in full: the same, ${checksum}`)
}
