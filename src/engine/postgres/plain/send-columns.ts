/**
 * Messages as the lists that the statement `send` takes. What many share is said once: as long as there are few kinds of message, a message
 * is its id, its body and the number of its kind.
 */
import { HIGHEST_PRIORITY, type Message } from '../../../core/message.ts'
import { toAttributes } from '../row/attributes.ts'
import type { KnownQueue } from './known-queues.ts'

/** Messages for one queue. */
export interface Sending {
  readonly queue: KnownQueue
  readonly messages: readonly Message[]
  readonly bytes: number
}

/** Looking up what is shared costs more with each kind. */
const MOST_KINDS = 8

interface Kind {
  readonly queue: number
  readonly rank: number
  readonly report: string | null
  readonly attributes: string | null
}

const isSame = (one: Kind, queue: number, rank: number, report: string | null, attributes: string | null): boolean =>
  one.attributes === attributes && one.queue === queue && one.rank === rank && one.report === report

/** From the third parameter on. */
export function columnsOfSends(sendings: readonly Sending[]): readonly unknown[] {
  return [...columnsOfQueues(sendings), ...(columnsOfKinds(sendings) ?? columnsOfEach(sendings))]
}

function columnsOfQueues(sendings: readonly Sending[]): readonly unknown[] {
  const totals = new Map<KnownQueue, { count: number; bytes: number }>()
  for (const { queue, messages, bytes } of sendings) {
    const total = totals.get(queue)
    if (total === undefined) totals.set(queue, { count: messages.length, bytes })
    else {
      total.count += messages.length
      total.bytes += bytes
    }
  }
  const queues = [...totals.keys()]
  const sums = [...totals.values()]
  return [
    queues.map(({ number }) => number),
    queues.map(({ settings }) => settings),
    queues.map(({ lineBy }) => lineBy),
    sums.map(({ count }) => count),
    sums.map(({ bytes }) => bytes),
  ]
}

/** null where there are too many kinds. */
function columnsOfKinds(sendings: readonly Sending[]): readonly unknown[] | null {
  const all: Kind[] = []
  const ids: string[] = []
  const bodies: Uint8Array[] = []
  const kinds: number[] = []
  let at = -1
  for (const { queue, messages } of sendings) {
    for (const message of messages) {
      const rank = HIGHEST_PRIORITY - message.priority
      const report = message.report ?? null
      const attributes = toAttributes(message)
      if (at < 0 || !isSame(all[at]!, queue.number, rank, report, attributes)) {
        at = all.findIndex((each) => isSame(each, queue.number, rank, report, attributes))
        if (at < 0) at = all.push({ queue: queue.number, rank, report, attributes }) - 1
        if (at >= MOST_KINDS) return null
      }
      ids.push(message.id)
      bodies.push(message.body)
      kinds.push(at + 1)
    }
  }
  return [...columnsOfKind(all), ids, bodies, all.length === 1 ? [] : kinds, [], []]
}

function columnsOfEach(sendings: readonly Sending[]): readonly unknown[] {
  const all: Kind[] = []
  const numbers = new Map<number, number>()
  const kindOf = (queue: number, rank: number): number => {
    const name = queue * (HIGHEST_PRIORITY + 1) + rank
    const known = numbers.get(name)
    if (known !== undefined) return known
    const number = all.push({ queue, rank, report: null, attributes: null })
    numbers.set(name, number)
    return number
  }
  const messages = sendings.flatMap((sending) => sending.messages)
  const kinds = sendings.flatMap(({ queue, messages: some }) =>
    some.map(({ priority }) => kindOf(queue.number, HIGHEST_PRIORITY - priority)),
  )
  return [
    ...columnsOfKind(all),
    messages.map(({ id }) => id),
    messages.map(({ body }) => body),
    kinds,
    messages.map(({ report }) => report ?? null),
    messages.map(toAttributes),
  ]
}

const columnsOfKind = (kinds: readonly Kind[]): readonly unknown[] => [
  kinds.map(({ queue }) => queue),
  kinds.map(({ rank }) => rank),
  kinds.map(({ report }) => report),
  kinds.map(({ attributes }) => attributes),
]
