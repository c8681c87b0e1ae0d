/** `posthorn queues`: every queue with its depths. */
import type { Command } from 'commander'
import { call, type Exchange } from './api.ts'
import { connect } from './connect.ts'
import { formatCount, formatSpan } from './format.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'
import { writeTable, type Column } from './table.ts'
import type { PageView, QueueView } from './view.ts'

export function addQueues(program: Command, session: Session): void {
  program
    .command('queues')
    .description('list the queues and how much is in each')
    .action((_options: unknown, command: Command) => queues(session, command.optsWithGlobals()))
}

/** All pages. */
export async function listQueues(exchange: Exchange): Promise<readonly QueueView[]> {
  const found: QueueView[] = []
  for (let after: string | undefined, more = true; more;) {
    const { items, next } = (
      await call<PageView<QueueView>>(exchange, 'GET', '/v1/queues', { query: { limit: '500', after } })
    ).body
    found.push(...items)
    after = next ?? undefined
    more = next !== null
  }
  return found
}

async function queues(session: Session, options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const found = (await listQueues(exchange)).filter(isOfInterest)
  if (options.json) return writeJson(session, { items: found, next: null })
  if (found.length === 0) return session.terminal.out(`no queues yet at ${exchange.where}`)
  writeTable(session.terminal, columns(session), found)
}

/** Posthorn's own queues are shown only where something is in them. */
export const isOfInterest = ({ queue, arrived, ready, held, delayed, leased, dead }: QueueView): boolean =>
  !/^(task:)?system[:.]/.test(queue) || arrived + ready + held + delayed + leased + dead > 0

function columns({ terminal, clock }: Session): readonly Column<QueueView>[] {
  const count = (head: string, of: (queue: QueueView) => number): Column<QueueView> => ({
    head,
    align: 'right',
    cell: (queue) => (of(queue) === 0 ? terminal.style('dim', '0') : formatCount(of(queue))),
  })
  return [
    { head: 'queue', cell: ({ queue, paused }) => (paused ? `${queue} ${terminal.style('yellow', 'paused')}` : queue) },
    count('ready', ({ ready, arrived }) => ready + arrived),
    count('held', ({ held }) => held),
    count('delayed', ({ delayed }) => delayed),
    count('leased', ({ leased }) => leased),
    {
      ...count('dead', ({ dead }) => dead),
      cell: ({ dead }) => (dead === 0 ? terminal.style('dim', '0') : terminal.style('red', formatCount(dead))),
    },
    count('acked', ({ ended }) => ended.acked),
    {
      head: 'oldest ready',
      align: 'right',
      cell: ({ oldestReadyAt }) =>
        oldestReadyAt === null
          ? terminal.style('dim', '-')
          : formatSpan(Math.max(0, clock.wallMs() - Date.parse(oldestReadyAt))),
    },
  ]
}
