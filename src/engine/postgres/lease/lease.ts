/** Hands messages out: one burst of statements, without the schema's lock. Whoever is just being decided about is passed over. */
import type { Delivery, LeaseRequest, LeaseResult, Token } from '../../../core/engine.ts'
import { PosthornError } from '../../../core/error.ts'
import type { QueueSettings } from '../../../core/settings.ts'
import { checkLeaseMs, checkLeaseRequest } from '../../sql/lease-request.ts'
import { quote } from '../../sql/refusal.ts'
import { parseToken, toToken } from '../decide/token.ts'
import type { Answer, Columns } from '../connection/driver.ts'
import { failureOf } from '../connection/failure.ts'
import type { Floor } from '../session/floor.ts'
import type { LateHandOuts } from './late.ts'
import { LeaseMemory, type Given } from './lease-memory.ts'
import { PlainHandOuts, SHORT_MS } from './hand-outs.ts'
import type { Hatch } from './hatch.ts'
import type { KnownQueues } from '../plain/known-queues.ts'
import type { LeaseNumber, LeaseNumbers } from './lease-numbers.ts'
import { takeBack } from './take-back.ts'
import type { Queue } from '../row/row.ts'
import type { Query, Session } from '../session/session.ts'
import { toQueue } from '../unit/read-row.ts'
import { toStored } from '../row/view.ts'

/** The answer was lost, or the statement was refused: the long way looks whether it happened. */
const LOST = Symbol('lost')

type Want = LeaseRequest['wants'][number]

/** A pick by place alone, or by priority with aging, is a merge of the priorities' heads. */
const agingOf = ({ pick }: QueueSettings): number | null =>
  pick.by === 'fifo' ? 0 : pick.agingMs === undefined ? null : Math.round(pick.agingMs)

/** The last try of a request. */
interface Tried {
  lease: LeaseNumber
  /** It may have been done. */
  isAsked: boolean
}

export interface LeasesParts {
  readonly session: Session
  readonly queues: KnownQueues
  readonly numbers: LeaseNumbers
  readonly hatch: Hatch
  readonly late: LateHandOuts
}

export class Leases {
  readonly #session: Session
  readonly #known: KnownQueues
  readonly #plain: PlainHandOuts
  readonly #memory: LeaseMemory
  /** Under which numbers requests may have been answered whose answers were lost. */
  readonly #lost = new Map<string, LeaseNumber>()
  readonly #numbers: LeaseNumbers
  readonly #hatch: Hatch
  readonly #late: LateHandOuts

  constructor({ session, queues, numbers, hatch, late }: LeasesParts) {
    this.#session = session
    this.#known = queues
    this.#numbers = numbers
    this.#hatch = hatch
    this.#late = late
    this.#memory = new LeaseMemory(session.limits.leaseRequests)
    this.#plain = new PlainHandOuts(session, queues)
  }

  async lease(request: LeaseRequest): Promise<LeaseResult> {
    checkLeaseRequest(request)
    const given = this.#memory.knows(request.id) ? await this.#memory.recall(request.id) : null
    const standing = given === null ? null : await this.#standing(request, given)
    return standing ?? this.#memory.remember(request.id, this.#lease(request))
  }

  async extend(tokens: readonly Token[], leaseMs: number): Promise<readonly ('kept' | 'stale' | 'cancel')[]> {
    checkLeaseMs(leaseMs)
    if (!Array.isArray(tokens)) throw new PosthornError('invalid', `tokens is ${quote(tokens)}: it must be a list`)
    const held = tokens.map((token) => parseToken(token))
    const sound = held.filter((each) => each !== null)
    if (sound.length === 0) return tokens.map(() => 'stale' as const)
    const columns = [sound.map(({ queue }) => queue), sound.map(({ id }) => id), sound.map(({ lease }) => lease)]
    const { rows } = await this.#session.burst(async (query) => {
      const { now } = await this.#session.now(query)
      return query('extend', [...columns, now, Math.round(leaseMs)])
    })
    const kept = new Map(rows.map((row) => [tokenOf(row), row.is_cancelled === true]))
    return tokens.map((token) => {
      const isCancelled = kept.get(token)
      return isCancelled === undefined ? 'stale' : isCancelled ? 'cancel' : 'kept'
    })
  }

  async #lease(request: LeaseRequest): Promise<LeaseResult> {
    const before = this.#lost.get(request.id)
    if (before !== undefined) return this.#ask(request, request.wants, before)
    const fetched = this.#hatch.fetch(request)
    const { deliveries, wants, nextReadyInMs } = fetched
    if (wants.length === 0 && request.wants.length > 0) return { deliveries, nextReadyInMs }
    let result: LeaseResult | null = null
    try {
      result = await this.#ask(request, wants)
    } finally {
      this.#hatch.answered(fetched, result)
    }
    if (deliveries.length === 0 && nextReadyInMs === null) return result
    const wait = Math.min(nextReadyInMs ?? Infinity, result.nextReadyInMs ?? Infinity)
    return {
      deliveries: [...deliveries, ...result.deliveries],
      nextReadyInMs: wait === Infinity ? null : wait,
    }
  }

  /** @param before the number under which it may have been answered already */
  async #ask(request: LeaseRequest, asked: readonly Want[], before?: LeaseNumber): Promise<LeaseResult> {
    const lease = before ?? (await this.#numbers.take())
    const tried: Tried = { lease, isAsked: before !== undefined }
    try {
      const wants = asked.map(({ queue, max }) => ({ queue, max: Math.floor(max) }))
      const isSmall = countOf(wants) <= this.#session.limits.leaseBatch
      const plain = !tried.isAsked && isSmall ? await this.#leasePlain(lease.number, wants, request) : null
      tried.isAsked ||= plain === LOST
      const result = plain === null || plain === LOST ? await this.#leaseAs(tried, wants, request) : plain
      this.#lost.delete(request.id)
      return result
    } catch (error) {
      this.#lost.set(request.id, tried.lease)
      forgetOldest(this.#lost, this.#session.limits.leaseRequests)
      throw error
    }
  }

  /** null: nothing was handed out; `LOST`: perhaps. */
  async #leasePlain(
    number: number,
    wants: readonly Want[],
    request: LeaseRequest,
  ): Promise<LeaseResult | null | typeof LOST> {
    try {
      return await this.#plain.lease(number, wants, request)
    } catch (error) {
      if (error instanceof PosthornError) throw error
      const failure = failureOf(error)
      return failure === 'refused' || failure === 'passing' ? null : LOST
    }
  }

  #leaseAs(tried: Tried, wants: readonly Want[], request: LeaseRequest): Promise<LeaseResult> {
    return this.#session.looking(async (query, moment, last, server) => {
      const [{ rows: known }, { now, wall }] = await Promise.all([
        query('load-queues', [wants.map(({ queue }) => queue), []]),
        moment,
      ])
      const queues = new Map(known.map((row) => [row.name as string, toQueue(row)]))
      const all = [...queues.values()]
      this.#known.learn(all)
      if (tried.isAsked) {
        const wanted = new Set(all.map(({ number }) => number))
        const rows = await this.#findLease(query, tried.lease, server, now, wanted)
        if (rows.length > 0) return { deliveries: deliver(rows, wants, queues), nextReadyInMs: null }
        const number = (await query('draw')).rows[0]!.serial as number
        // It may happen yet. From now on nobody asks by that number.
        this.#late.expect(
          tried.lease,
          wants.map(({ queue }) => queue),
        )
        Object.assign(tried, { lease: { number, server }, isAsked: false })
      }
      if (queues.size === 0) return { deliveries: [], nextReadyInMs: null }
      tried.isAsked = true
      const { floor } = this.#session
      const idle = all.filter(({ settings, isUnbound }) => isUnbound || settings.idleExpiryMs !== null)
      const holder = request.holder === 'process' ? this.#session.holder : null
      const until = [now, wall, Math.round(request.leaseMs), holder, tried.lease.number]
      const most = this.#session.limits.leaseBatch
      const isSmall = countOf(wants) <= most
      const taken = takeAll(query, wants, most, queues, until, floor)
      if (!isSmall) await taken
      const given = Promise.all([
        taken,
        query('next-due', [all.filter(isOpen).map(({ number }) => number), floor.nextUntil]),
        ...(idle.length > 0 ? [query('use-queues', [idle.map(({ number }) => number), now])] : []),
      ])
      if (isSmall) last()
      const [rows, { rows: due }] = await given
      for (const { queue } of rows) floor.gave(queue as number, 1)
      return {
        deliveries: deliver(rows, wants, queues),
        nextReadyInMs: waitOf(due[0], now, wall, floor.nextUntil === 0 ? Infinity : SHORT_MS),
      }
    })
  }

  /**
   * What was handed out under the number. A server that has taken over may have done it of a queue that nobody asked for, by a number that is
   * another's there: that goes back, where the lease is not somebody else's there as well.
   */
  async #findLease(
    query: Query,
    lease: LeaseNumber,
    server: string,
    now: number,
    wanted: ReadonlySet<number>,
  ): Promise<readonly Columns[]> {
    const { rows } = await query('find-lease', [lease.number, now])
    const strays = rows.filter(({ queue }) => !wanted.has(queue as number))
    if (strays.length === 0) return rows
    if (server === lease.server) {
      const given = strays.map(({ queue, id }) => ({ queue: queue as number, id: id as string }))
      await takeBack(query, lease.number, given, now)
      this.#session.floor.drop()
    }
    return rows.filter(({ queue }) => wanted.has(queue as number))
  }

  /** What a request that is repeated was given and still holds; null where that is nothing. */
  async #standing(request: LeaseRequest, { tokens, queueOf, nextReadyInMs }: Given): Promise<LeaseResult | null> {
    const held = tokens.map((token) => parseToken(token)!)
    const columns = [held.map(({ queue }) => queue), held.map(({ id }) => id), held.map(({ lease }) => lease)]
    const { rows } = await this.#session.looking((query) => query('leased-by', columns))
    const standing = new Map(rows.map((row) => [tokenOf(row), row]))
    const left = tokens.flatMap((token) => {
      const row = standing.get(token)
      return row === undefined ? [] : [toDelivery(row, queueOf(token))]
    })
    if (left.length === 0) this.#memory.forget(request.id)
    return left.length === 0 ? null : { deliveries: left, nextReadyInMs }
  }
}

function forgetOldest(requests: Map<string, unknown>, most: number): void {
  for (const [oldest] of requests) {
    if (requests.size <= most) return
    requests.delete(oldest)
  }
}

const isOpen = ({ settings, isUnbound }: Queue): boolean => !settings.paused && !isUnbound

/** What some queues have not is room for those after them. */
async function takeAll(
  query: Query,
  wants: readonly Want[],
  most: number,
  queues: ReadonlyMap<string, Queue>,
  until: readonly unknown[],
  floor: Floor,
): Promise<Answer['rows']> {
  const rows: Columns[] = []
  for (let rest = wants; ;) {
    const some = limited(rest, most - rows.length)
    const taken = await take(query, some, queues, until, floor)
    rows.push(...taken)
    rest = rest.flatMap(({ queue, max }, at) => {
      const asked = some[at]!.max
      const got = taken.filter((row) => row.queue === queues.get(queue)?.number).length
      return asked < max && got === asked ? [{ queue, max: max - asked }] : []
    })
    if (rest.length === 0 || rows.length === most) return rows
  }
}

async function take(
  query: Query,
  wants: readonly Want[],
  queues: ReadonlyMap<string, Queue>,
  until: readonly unknown[],
  floor: Floor,
): Promise<Answer['rows']> {
  const known = wants.flatMap(({ queue: name, max }) => {
    const queue = queues.get(name)
    return queue === undefined || max <= 0 ? [] : [{ queue, max, aging: agingOf(queue.settings) }]
  })
  const plain = known.filter(({ aging }) => aging === null)
  const merged = known.filter(({ aging }) => aging !== null)
  const columns = (some: typeof known): unknown[] => [some.map(({ queue }) => queue.number), some.map(({ max }) => max)]
  const floors = (some: typeof known) => floor.of(some.map(({ queue }) => queue.number))
  const answers = await Promise.all([
    plain.length === 0 ? { rows: [] } : takeByPriority(query, [...columns(plain), ...until], floors(plain)),
    merged.length === 0
      ? { rows: [] }
      : query('lease-by-merge', [...columns(merged), ...until, merged.map(({ aging }) => aging), floors(merged)]),
  ])
  return answers.flatMap(({ rows }) => rows)
}

function takeByPriority(query: Query, values: readonly unknown[], floors: readonly number[] | null): Promise<Answer> {
  return floors === null ? query('lease-by-priority', values) : query('lease-above', [...values, floors])
}

function deliver(rows: Answer['rows'], wants: readonly Want[], queues: ReadonlyMap<string, Queue>): Delivery[] {
  const places = new Map(wants.map(({ queue }, at) => [queues.get(queue)?.number, at]))
  const byNumber = new Map([...queues.values()].map((queue) => [queue.number, queue]))
  const order = (row: Columns): readonly number[] => {
    const aging = agingOf(byNumber.get(row.queue as number)!.settings)
    const [rank, place, seq] = [row.rank as number, row.place as number, row.seq as number]
    const at = places.get(row.queue as number)!
    return aging === null ? [at, rank, place, seq] : [at, place + rank * aging, seq, 0]
  }
  const sorted = rows.map((row) => ({ row, order: order(row) })).sort((one, other) => compare(one.order, other.order))
  return sorted.map(({ row }) => toDelivery(row, byNumber.get(row.queue as number)!.name))
}

/** @param most what is not known better */
function waitOf(due: Columns | undefined, now: number, wall: number, most: number): number | null {
  const waits = [
    due?.at === null || due === undefined ? Infinity : (due.at as number) - now,
    due?.wall_at === null || due === undefined ? Infinity : (due.wall_at as number) - wall,
  ]
  const wait = Math.min(...waits, most)
  return wait === Infinity ? null : Math.max(0, wait)
}

function toDelivery(row: Columns, queue: string): Delivery {
  const stored = toStored(row, queue)
  return { token: tokenOf(row), leaseUntil: stored.leaseUntil!, stored }
}

function tokenOf(row: Columns): Token {
  return toToken({ lease: row.lease as number, queue: row.queue as number, id: row.id as string })
}

const countOf = (wants: readonly Want[]): number => wants.reduce((sum, { max }) => sum + max, 0)

/** As many of the first as there is room for. */
function limited(wants: readonly Want[], most: number): Want[] {
  let left = most
  return wants.map(({ queue, max }) => {
    const some = Math.min(max, left)
    left -= some
    return { queue, max: some }
  })
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((each, place) => each !== other[place])
  return at === -1 ? 0 : one[at]! - other[at]!
}
