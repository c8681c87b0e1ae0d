/**
 * The short way for leases: of queues that are known and hand out by priority alone. One statement, which is a transaction of its own. It hands
 * out nothing where a queue is no more as it was known, or where time has something to decide first: then the long way is taken.
 */
import type { Delivery, LeaseRequest, LeaseResult } from '../../../core/engine.ts'
import type { Answer, Columns } from '../connection/driver.ts'
import { LEASED } from '../row/row.ts'
import type { Session } from '../session/session.ts'
import { toStored } from '../row/view.ts'
import { TokenMint } from '../decide/token.ts'
import type { KnownQueue, KnownQueues } from '../plain/known-queues.ts'

type Want = LeaseRequest['wants'][number]

interface Known {
  readonly queue: KnownQueue
  readonly max: number
}

/** What the statement says of the moment. */
interface Head {
  readonly isDue: boolean
  readonly isKnown: boolean
  readonly afterMs: number | null
  readonly afterWallMs: number | null
}

/** What most messages have not, by the names of its columns. */
type Past = Partial<Columns>

const FRESH: Past = {
  acquired: 1,
  failed: 0,
  released: 0,
  is_cancelled: false,
  ended_at: null,
  reason: null,
  failures: null,
}
export const RANKS: readonly number[] = Array.from({ length: 10 }, (_, rank) => rank)
/** While it is not looked at all that is handed out, of which the next to lapse is. */
export const SHORT_MS = 1_000

export class PlainHandOuts {
  readonly #session: Session
  readonly #queues: KnownQueues

  constructor(session: Session, queues: KnownQueues) {
    this.#session = session
    this.#queues = queues
  }

  /**
   * null where the long way must be taken: then nothing was handed out.
   * @param number names the answer, and was never used
   */
  async lease(number: number, wants: readonly Want[], request: LeaseRequest): Promise<LeaseResult | null> {
    const known = this.#known(wants)
    if (known === null) return null
    const { floor, holder } = this.#session
    const { now, wall } = this.#session.moment()
    const numbers = known.map(({ queue }) => queue.number)
    const floors = floor.of(numbers)
    const leaseMs = Math.round(request.leaseMs)
    const { clears } = this.#queues
    const values = [
      numbers,
      known.map(({ max }) => max),
      now,
      wall,
      leaseMs,
      request.holder === 'process' ? holder : null,
      number,
      known.map(({ queue }) => queue.settings),
      ...(floors === null ? [[0], [9], numbers.map(() => 0)] : [RANKS, RANKS, floors]),
      floor.nextUntil,
      floor.until,
    ]
    const answer = await this.#session.once('hand-out', values, () => clears === this.#queues.clears)
    if (answer === null) return null
    const { rows } = answer
    // By a number that may be another queue's now: the long way finds what was handed out.
    if (clears !== this.#queues.clears) throw new Error('queues were forgotten meanwhile')
    const head = JSON.parse(rows[0]!.past as string) as Head
    const at = rows[0]!.sent_at as number
    if (!head.isDue) this.#session.hasSeen(at)
    if (head.isDue || !head.isKnown) {
      if (!head.isKnown) for (const { queue } of known) this.#queues.forget(queue)
      return null
    }
    const most = floor.nextUntil === 0 ? Infinity : SHORT_MS
    const own = rows.length > 1 ? leaseMs : Infinity
    const wait = Math.min(head.afterMs ?? Infinity, head.afterWallMs ?? Infinity, own, most)
    for (let n = 1; n < rows.length; n++) floor.gave(rows[n]!.queue as number, 1)
    return {
      deliveries: deliver(rows, known, number, at + leaseMs),
      nextReadyInMs: wait === Infinity ? null : Math.max(0, wait),
    }
  }

  #known(wants: readonly Want[]): readonly Known[] | null {
    const known: Known[] = []
    for (const { queue: name, max } of wants) {
      const queue = this.#queues.handingOut(name)
      if (queue === null) return null
      if (max > 0) known.push({ queue, max })
    }
    return known.length === 0 ? null : known
  }
}

/** @param rows the first is none */
export function deliver(
  rows: Answer['rows'],
  known: readonly { readonly queue: KnownQueue }[],
  lease: number,
  leaseUntil: number,
): Delivery[] {
  const names = new Map(
    known.map(({ queue: { number, name } }, at) => [number, { at, name, mint: new TokenMint(lease, number) }]),
  )
  const some = rows.slice(1)
  const place = ({ queue }: Columns): number => names.get(queue as number)!.at
  const compare = (one: Columns, other: Columns): number =>
    place(one) - place(other) ||
    (one.rank as number) - (other.rank as number) ||
    (one.place as number) - (other.place as number) ||
    (one.seq as number) - (other.seq as number)
  // They are in order as a rule, which nobody promises.
  if (some.some((row, at) => at > 0 && compare(some[at - 1]!, row) > 0)) some.sort(compare)
  return some.map((row) => {
    const { name, mint } = names.get(row.queue as number)!
    return toDelivery(row, name, mint, leaseUntil)
  })
}

function toDelivery(row: Columns, queue: string, mint: TokenMint, until: number): Delivery {
  const past = row.past === null ? FRESH : (JSON.parse(row.past as string) as Past)
  const { id, place, sent_at, attrs, report, body } = row
  const stored = toStored({ ...past, state: LEASED, until, id, place, sent_at, attrs, report, body } as Columns, queue)
  return { token: mint.token(id as string), leaseUntil: until, stored }
}
