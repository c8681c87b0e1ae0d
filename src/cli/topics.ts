/** `posthorn topics` and `posthorn unsubscribe`: which topics there are, who is subscribed and how far they are; and ending one. */
import type { Command } from 'commander'
import { call, type Exchange } from './api.ts'
import { connect } from './connect.ts'
import { formatCount, formatSpan } from './format.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'
import { writeTable, type Column } from './table.ts'
import type { PageView } from './view.ts'

interface TopicView {
  readonly topic: string
  readonly types: readonly string[]
  readonly retain: { readonly for: string | null; readonly count: number } | null
  readonly subscriptions: number
}

interface SubscriptionView {
  readonly topic: string
  readonly name: string
  readonly queue: string
  readonly types: readonly string[]
  readonly filters: readonly unknown[]
  readonly order: string
  readonly status: string
  readonly gaps: readonly { readonly count: number }[]
  readonly lag: number
  readonly dead: number
  /** RFC 3339. */
  readonly waitingSince: string | null
  readonly idle: boolean
}

interface UnsubscribeOptions extends CommonOptions {
  readonly force?: boolean
}

export function addTopics(program: Command, session: Session): void {
  program
    .command('topics')
    .description('list the topics; of one topic, its subscriptions and how far they are')
    .argument('[topic]')
    .action((topic: string | undefined, _options: unknown, command: Command) =>
      topic === undefined
        ? listTopics(session, command.optsWithGlobals())
        : listSubscriptions(session, topic, command.optsWithGlobals()),
    )
}

export function addUnsubscribe(program: Command, session: Session): void {
  program
    .command('unsubscribe')
    .description('end a subscription')
    .argument('<topic>')
    .argument('<name>')
    .option('--force', 'also if events still wait: they are discarded')
    .action((topic: string, name: string, _options: unknown, command: Command) =>
      unsubscribe(session, topic, name, command.optsWithGlobals()),
    )
}

async function listTopics(session: Session, options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const found = await all<TopicView>(exchange, '/v1/topics')
  if (options.json) return writeJson(session, { items: found, next: null })
  if (found.length === 0) return session.terminal.out(`no topics yet at ${exchange.where}`)
  writeTable(session.terminal, topicColumns(session), found)
}

async function listSubscriptions(session: Session, topic: string, options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  await call(exchange, 'GET', `/v1/topics/${encodeURIComponent(topic)}`)
  const found = await all<SubscriptionView>(exchange, '/v1/subscriptions', { topic })
  if (options.json) return writeJson(session, { items: found, next: null })
  if (found.length === 0) return session.terminal.out(`topic ${topic} has no subscriptions`)
  writeTable(session.terminal, subscriptionColumns(session), found)
}

async function unsubscribe(session: Session, topic: string, name: string, options: UnsubscribeOptions): Promise<void> {
  await using exchange = await connect(session, options)
  await call(exchange, 'DELETE', `/v1/subscriptions/${encodeURIComponent(name)}`, {
    query: { topic, force: options.force === true ? 'true' : undefined },
  })
  if (options.json) return writeJson(session, { topic, name, ended: true })
  session.terminal.out(`${session.terminal.style('green', 'ended')} subscription ${name} of ${topic}`)
}

/** All pages. */
export async function all<T>(
  exchange: Exchange,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<readonly T[]> {
  const found: T[] = []
  for (let after: string | undefined, more = true; more;) {
    const { items, next } = (
      await call<PageView<T>>(exchange, 'GET', path, { query: { ...query, limit: '500', after } })
    ).body
    found.push(...items)
    after = next ?? undefined
    more = next !== null
  }
  return found
}

function topicColumns({ terminal }: Session): readonly Column<TopicView>[] {
  const none = terminal.style('dim', '-')
  return [
    { head: 'topic', cell: ({ topic }) => topic },
    { head: 'subscriptions', align: 'right', cell: ({ subscriptions }) => formatCount(subscriptions) },
    {
      head: 'keeps',
      cell: ({ retain }) =>
        retain === null ? none : `${formatCount(retain.count)}${retain.for ? `, ${retain.for}` : ''}`,
    },
    { head: 'types', cell: ({ types }) => (types.length === 0 ? none : types.join(' ')) },
  ]
}

function subscriptionColumns({ terminal, clock }: Session): readonly Column<SubscriptionView>[] {
  const zero = terminal.style('dim', '0')
  return [
    { head: 'subscription', cell: ({ name }) => name },
    {
      head: 'status',
      cell: ({ status, idle }) =>
        idle ? terminal.style('yellow', 'idle') : status === 'live' ? status : terminal.style('yellow', status),
    },
    { head: 'lag', align: 'right', cell: ({ lag }) => (lag === 0 ? zero : formatCount(lag)) },
    {
      head: 'dead',
      align: 'right',
      cell: ({ dead }) => (dead === 0 ? zero : terminal.style('red', formatCount(dead))),
    },
    {
      head: 'missed',
      align: 'right',
      cell: ({ gaps }) => {
        const missed = gaps.reduce((sum, { count }) => sum + count, 0)
        return missed === 0 ? zero : terminal.style('red', formatCount(missed))
      },
    },
    {
      head: 'oldest ready',
      align: 'right',
      cell: ({ waitingSince }) =>
        waitingSince === null
          ? terminal.style('dim', '-')
          : formatSpan(Math.max(0, clock.wallMs() - Date.parse(waitingSince))),
    },
    { head: 'order', cell: ({ order }) => order },
    {
      head: 'wants',
      cell: ({ types, filters }) =>
        `${types.length === 0 ? '**' : types.join(' ')}${filters.length === 0 ? '' : ` ${JSON.stringify(filters)}`}`,
    },
  ]
}
