/**
 * The short way for calls of nothing but plain sends: messages that are ready at once, in queues that are known and far from full. One
 * statement, no lock. Whatever does not fit takes the long way, which also finds out what this one has to know.
 */
import type { Commit, CommitResult } from '../../../core/engine.ts'
import { faultOfMessage, HIGHEST_PRIORITY, type Message } from '../../../core/message.ts'
import type { Connection } from '../driver.ts'
import type { KnownQueue } from './known-queues.ts'
import { columnsOf, outcomeOf, type Outcome, type ShortWayParts } from './short-way.ts'

/** Messages of one call: as many as a draw of numbers has. */
export const MOST_SENDS = 4_000

interface Sending {
  readonly queue: KnownQueue
  readonly message: Message
}

export interface SendCall {
  readonly sendings: readonly Sending[]
  readonly commits: readonly Commit[]
}

export class PlainSends {
  readonly #parts: ShortWayParts

  constructor(parts: ShortWayParts) {
    this.#parts = parts
  }

  /** null where the long way must be taken. */
  read(commits: readonly Commit[]): SendCall | null {
    const messages = new Map<string, Message[]>()
    let count = 0
    for (const { id, durability, changes } of commits) {
      const isOdd = id !== undefined || (durability !== undefined && durability !== 'os' && durability !== 'disk')
      if (isOdd || !Array.isArray(changes) || changes.length === 0 || (count += changes.length) > MOST_SENDS)
        return null
      for (const change of changes) {
        if (change?.do !== 'send' || !this.#isPlain(change.message)) return null
        const others = messages.get(change.queue)
        if (others === undefined) messages.set(change.queue, [change.message])
        else others.push(change.message)
      }
    }
    const sendings: Sending[] = []
    for (const [name, some] of messages) {
      const queue = this.#parts.queues.take(name, some.length)
      if (queue === null) return null
      for (const message of some) sendings.push({ queue, message })
    }
    return { sendings, commits }
  }

  /** All calls or none. */
  async send(connection: Connection, calls: readonly SendCall[]): Promise<Outcome> {
    const { queues, folds, statements, moment, transactor, hint } = this.#parts
    const sendings = calls.flatMap((call) => call.sendings)
    const named = new Set(sendings.map(({ queue }) => queue))
    const fold = folds.next()
    const asked = connection.query(statements.get('send'), [
      moment().now,
      fold,
      ...columnsOf(named),
      sendings.map(({ queue }) => queue.number),
      sendings.map(({ message }) => message.id),
      sendings.map(({ message }) => HIGHEST_PRIORITY - message.priority),
      sendings.map(({ message }) => message.report ?? null),
      sendings.map(({ message }) => attributesOf(message)),
      sendings.map(({ message }) => message.body),
    ])
    const outcome = await outcomeOf(
      transactor,
      connection,
      fold,
      asked.then(({ rows }) => rows[0]!.count),
    )
    if (outcome.isDone) hint([...named].map(({ name }) => ({ queue: name })))
    // A queue may be no more as it was known.
    else for (const queue of named) queues.forget(queue)
    return outcome
  }

  /** Ready as soon as it is there, and beside all others. */
  #isPlain(message: Message): boolean {
    if (typeof message !== 'object' || message === null) return false
    const { key, delay, expires, dedupe } = message
    const isAlone = key === undefined && delay === undefined && expires === undefined && dedupe === undefined
    return isAlone && faultOfMessage(message, this.#parts.limits.bodyBytes) === null
  }
}

export function resultsOfSends({ commits }: SendCall): readonly CommitResult[] {
  return commits.map(({ changes }) => ({
    status: 'committed',
    durability: 'disk',
    replayed: false,
    results: changes.map((change) => ({ id: (change as { message: Message }).message.id, duplicate: false })),
  }))
}

function attributesOf(message: Message): string {
  const { id: _, body: _body, ...attributes } = message
  return JSON.stringify(attributes)
}
