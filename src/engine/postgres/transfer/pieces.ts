/** The tables as pieces, in order: each kind through a cursor, in the transaction that is under way. */
import { fromJsonBytes } from '../../../core/json.ts'
import type { ChangeResult } from '../../../core/engine.ts'
import type { StoredFailure } from '../../../core/message.ts'
import type { QueueSettings, Retention, StoredSubscription, Subscription } from '../../../core/settings.ts'
import type { MessagePiece, Piece } from '../../../core/transfer.ts'
import { fromAttributes } from '../row/attributes.ts'
import { toMessage } from '../decide/retained.ts'
import type { Answer, Columns } from '../connection/driver.ts'
import { DEAD, DELAYED, fromColumn, LEASED, READY, STATES } from '../row/row.ts'

type Ask = (name: string, values?: readonly unknown[]) => Promise<Answer>
type Run = (text: string) => Promise<Answer>

const PAGE = 500

export async function* piecesOf(ask: Ask, run: Run, at: number): AsyncGenerator<Piece, void, undefined> {
  const rows = async function* (name: string, values: readonly unknown[] = []): AsyncGenerator<Columns> {
    await ask(`transfer-${name}`, values)
    for (let page = PAGE; page === PAGE;) {
      const found = await run(`fetch ${PAGE} from ${name}`)
      yield* found.rows
      page = found.rows.length
    }
    await run(`close ${name}`)
  }
  const head = (await ask('transfer-head')).rows[0]!
  yield { is: 'head', now: head.now as number, highest: head.serial as number }
  yield* queues(rows('queues'), rows('messages'))
  yield* topics(rows('topics'), rows('events'))
  for await (const row of rows('records'))
    yield {
      is: 'record',
      key: row.key as string,
      value: row.value as Uint8Array,
      version: row.version as number,
      expiresAt: row.expires as number | null,
      aliases: JSON.parse(row.aliases as string) as readonly string[],
    }
  for await (const row of rows('dedupes', [at])) {
    const [scope, name] = (row.scope as string).split(' ') as ['queue' | 'topic', string]
    const text = fromColumn(row.text as string)
    yield { is: 'dedupe', scope, name, text, id: row.id as string, until: row.until as number }
  }
  for await (const row of rows('commits', [at])) {
    const { results } = JSON.parse(row.results as string) as { readonly results: readonly ChangeResult[] }
    yield { is: 'commit', id: fromColumn(row.id as string), until: row.until as number, results }
  }
  for await (const row of rows('subscriptions'))
    yield {
      is: 'subscription',
      subscription: JSON.parse(row.definition as string) as Subscription,
      version: row.version as number,
      status: row.status as StoredSubscription['status'],
      cursor: row.cursor as number,
      hasGap: row.has_gap as boolean,
      gaps: JSON.parse(row.gaps as string) as StoredSubscription['gaps'],
    }
}

async function* queues(
  all: AsyncGenerator<Columns>,
  messages: AsyncGenerator<Columns>,
): AsyncGenerator<Piece, void, undefined> {
  let message = await messages.next()
  for await (const row of all) {
    const name = row.name as string
    yield {
      is: 'queue',
      name,
      settings: JSON.parse(row.settings as string) as QueueSettings,
      version: row.version as number,
      unbound: row.is_unbound as boolean,
    }
    for (; message.done !== true && message.value.name === name; message = await messages.next())
      yield messageOf(message.value)
  }
}

function messageOf(row: Columns): MessagePiece {
  const state = row.state as number
  const line = row.line as string | null
  const attributes = fromAttributes(row.attrs as string, row.id as string, row.report as string | null)
  return {
    is: 'message',
    queue: row.name as string,
    message: { ...attributes, body: row.body as Uint8Array },
    state: STATES[state] as MessagePiece['state'],
    sentAt: row.sent_at as number,
    readyAt:
      state === DELAYED ? (row.due as number) : state === READY || state === LEASED ? (row.place as number) : null,
    wallDue: state === DELAYED && (row.is_wall_due as boolean),
    leaseUntil: state === LEASED ? (row.until as number) : null,
    endedAt: row.ended_at as number | null,
    line: line === null ? null : line === '' ? 'strict' : 'key',
    rank: row.rank as number | null,
    acquired: row.acquired as number,
    failed: row.failed as number,
    released: row.released as number,
    failures: row.failures === null ? [] : (JSON.parse(row.failures as string) as StoredFailure[]),
    cancelRequested: row.is_cancelled as boolean,
    reason: state < DEAD || row.reason === null ? null : fromColumn(row.reason as string),
  }
}

async function* topics(
  all: AsyncGenerator<Columns>,
  events: AsyncGenerator<Columns>,
): AsyncGenerator<Piece, void, undefined> {
  let event = await events.next()
  for await (const row of all) {
    const name = (row.key as string).slice('topic/'.length)
    const retention = fromJsonBytes(row.value as Uint8Array) as Retention | null
    yield { is: 'topic', name, retention, version: row.version as number }
    for (; event.done !== true && event.value.topic === name; event = await events.next()) {
      const { position, at } = event.value
      const message = toMessage(event.value as unknown as { readonly attrs: string; readonly body: Uint8Array })
      yield { is: 'event', topic: name, position: position as number, at: at as number, message }
    }
  }
}
