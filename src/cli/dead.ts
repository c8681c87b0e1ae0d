/** `posthorn dead`: the dead letters of a queue, grouped by what killed them. */
import type { Command } from 'commander'
import { connect } from './connect.ts'
import { countOf, formatCount, formatLine, formatMoment } from './format.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'
import { findQueue, lastFailure, listMessages, parseCount } from './show.ts'
import { writeTable } from './table.ts'
import type { MessageView } from './view.ts'

interface DeadOptions extends CommonOptions {
  readonly limit?: string
}

export function addDead(program: Command, session: Session): void {
  program
    .command('dead')
    .description('list the dead letters of a queue, and why they are dead')
    .argument('<queue>')
    .option('--limit <count>', 'at most so many, the oldest first', '50')
    .action((queue: string, _options: unknown, command: Command) => dead(session, queue, command.optsWithGlobals()))
}

async function dead(session: Session, queue: string, options: DeadOptions): Promise<void> {
  const limit = parseCount(options.limit ?? '50', '--limit')
  await using exchange = await connect(session, options)
  const found = await findQueue(exchange, queue)
  const letters = await listMessages(exchange, queue, 'dead', limit)
  if (options.json) return writeJson(session, { items: letters, total: found.dead })
  const { terminal } = session
  if (letters.length === 0) return terminal.out(`${terminal.style('green', 'no dead letters')} in ${queue}`)
  writeLetters(session, letters)
  terminal.out('')
  for (const [reason, count] of countReasons(letters))
    terminal.out(`${terminal.style('red', reason)} ${formatCount(count)}`)
  if (found.dead > letters.length)
    terminal.out(
      terminal.style(
        'dim',
        `the oldest ${countOf(letters.length, 'letter')} of ${formatCount(found.dead)}; more: --limit ${found.dead}`,
      ),
    )
  terminal.out(
    terminal.style('dim', `one with its history: posthorn show ${queue} ID · try again: posthorn redrive ${queue}`),
  )
}

function writeLetters({ terminal, clock }: Session, letters: readonly MessageView[]): void {
  writeTable(
    terminal,
    [
      { head: 'id', cell: ({ id }) => id },
      {
        head: 'died',
        align: 'right',
        cell: ({ endedAt }) => (endedAt ? formatMoment(Date.parse(endedAt), clock.wallMs()) : '-'),
      },
      { head: 'tries', align: 'right', cell: ({ acquired }) => String(acquired) },
      { head: 'reason', cell: ({ reason }) => reason ?? '-' },
      { head: 'last failure', cell: ({ failures, reason }) => formatLine(lastFailure(failures, reason), 80) },
    ],
    letters,
  )
}

function countReasons(letters: readonly MessageView[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const { reason } of letters) counts.set(reason ?? '-', (counts.get(reason ?? '-') ?? 0) + 1)
  return [...counts].toSorted(([, one], [, other]) => other - one)
}
