/**
 * What is sent to an endpoint again: its dead letters, one event, or all that its topics keep of a time. What goes again has the id that it
 * had, so that the receiver knows it.
 */
import { pause, type Clock } from '../../core/clock.ts'
import type { Change, ChangeResult, Engine, Page } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { compileFilters, compileTypes } from '../../core/filter.ts'
import { isUuid, timeOfUuid } from '../../core/id.ts'
import { WAITING_STATES, type Message, type MessageRef, type StoredMessage } from '../../core/message.ts'
import { endpointQueue } from '../../core/name.ts'
import { checkKnown, invalidOption } from '../../core/option.ts'
import { topicKey } from '../../core/settings.ts'
import { createQueueControl } from '../../queue/index.ts'
import { notesFor, queuesOf, topicQueue, type EndpointSubscription, type StoredEndpoint } from '../endpoint/endpoint.ts'

export interface RedeliverOptions {
  /** One event by its id, or its message's: then nothing else counts. */
  readonly message?: string | undefined
  /** What was sent from then on. Default: all. */
  readonly since?: Date | undefined
  readonly until?: Date | undefined
  /** Only dead letters. Default false: of topics that keep their events all that the endpoint asks for. */
  readonly failedOnly?: boolean | undefined
  /** Only count. */
  readonly dryRun?: boolean | undefined
  /** Events a second, at most. */
  readonly rate?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: Redelivered) => void) | undefined
}

export interface Redelivered {
  readonly matched: number
  /** Fewer: some still wait, and are not sent twice. */
  readonly sent: number
  /** Topics that keep nothing: of them only dead letters can go again. */
  readonly unkept: readonly string[]
}

export interface RedeliverDeps {
  readonly engine: Engine
  readonly clock: Clock
}

const KNOWN = ['message', 'since', 'until', 'failedOnly', 'dryRun', 'rate', 'signal', 'onProgress']
const PAGE = 200
/** Clocks differ by so much at most between who made an id and who published it. */
const SLACK_MS = 60_000

/** @throws PosthornError `invalid-option`, `message-not-found`, `aborted` */
export async function redeliver(
  deps: RedeliverDeps,
  endpoint: StoredEndpoint,
  options: RedeliverOptions,
): Promise<Redelivered> {
  checkKnown('redeliver', options, KNOWN)
  const { message, since, until, rate } = options
  if (rate !== undefined && !(Number.isFinite(rate) && rate > 0))
    throw invalidOption('redeliver', 'rate', rate, 'a number above 0')
  for (const [name, time] of Object.entries({ since, until }))
    if (time !== undefined && !(time instanceof Date && !Number.isNaN(time.getTime())))
      throw invalidOption('redeliver', name, time, 'a Date')
  return message === undefined ? range(deps, endpoint, options) : one(deps, endpoint, message, options.dryRun === true)
}

async function range(deps: RedeliverDeps, endpoint: StoredEndpoint, options: RedeliverOptions): Promise<Redelivered> {
  const { since, until, failedOnly = false, dryRun = false, rate, signal, onProgress } = options
  const work = new Work(deps, endpoint, rate, onProgress)
  const match = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { before: until }) }
  for (const queue of queuesOf(endpoint)) {
    const before = { ...work.done }
    const control = createQueueControl(deps, queue)
    if (!failedOnly && endpoint.subscriptions.length > 0)
      await work.noteDead((after) => control.browse({ state: 'dead', match, after, limit: PAGE }))
    await control.redrive({
      match,
      dryRun,
      ...(rate === undefined ? {} : { rate }),
      ...(signal === undefined ? {} : { signal }),
      onProgress: ({ matched, moved }) =>
        work.tell({ ...before, matched: before.matched + matched, sent: before.sent + moved }),
    })
  }
  if (failedOnly) return work.done
  for (const subscription of endpoint.subscriptions) await work.replay(subscription, { since, until, dryRun, signal })
  return work.done
}

class Work {
  done: Redelivered = { matched: 0, sent: 0, unkept: [] }
  /** What goes again as a dead letter: as many at most as queues keep. */
  readonly #dead = new Set<string>()
  readonly #deps: RedeliverDeps
  readonly #endpoint: StoredEndpoint
  readonly #rate: number | undefined
  readonly #onProgress: RedeliverOptions['onProgress']
  readonly #startedMs: number

  constructor(
    deps: RedeliverDeps,
    endpoint: StoredEndpoint,
    rate: number | undefined,
    onProgress: RedeliverOptions['onProgress'],
  ) {
    this.#deps = deps
    this.#endpoint = endpoint
    this.#rate = rate
    this.#onProgress = onProgress
    this.#startedMs = deps.clock.monotonicMs()
  }

  tell(done: Redelivered): void {
    this.done = done
    this.#onProgress?.(done)
  }

  async noteDead(browse: (after: string | null) => Promise<Page<StoredMessage>>): Promise<void> {
    for (let after: string | null = null, more = true; more;) {
      const { items, next }: Page<StoredMessage> = await browse(after)
      for (const { id } of items) this.#dead.add(id)
      after = next
      more = after !== null
    }
  }

  async replay(
    { topic, types, filters }: EndpointSubscription,
    { since, until, dryRun, signal }: Pick<RedeliverOptions, 'since' | 'until' | 'dryRun' | 'signal'>,
  ): Promise<void> {
    const { engine, clock } = this.#deps
    const [kept = null] = await engine.get([topicKey(topic)])
    if (kept === null || kept.value.byteLength <= 4)
      return this.tell({ ...this.done, unkept: [...this.done.unkept, topic] })
    const wantsType = compileTypes(types)
    const wants = compileFilters(filters)
    const untilMs = until?.getTime() ?? Infinity
    const limit = this.#rate === undefined ? PAGE : Math.max(1, Math.min(PAGE, Math.ceil(this.#rate / 10)))
    for (
      let from: Parameters<Engine['read']>[0]['from'] = since === undefined ? 'beginning' : { at: since.getTime() };
      ;
    ) {
      if (signal?.aborted === true) throw givenUp(this.done)
      const { items, next } = await engine.read({ topic, from, limit })
      const due = items
        .map(({ message }) => message)
        .filter(
          ({ event, id }) =>
            wantsType(event.type) && wants(event) && (timeOfUuid(id) ?? 0) < untilMs && !this.#dead.has(id),
        )
      const sent = dryRun === true ? 0 : await this.#send(await this.#without(due, topic))
      this.tell({ ...this.done, matched: this.done.matched + due.length, sent: this.done.sent + sent })
      const last = items.at(-1)
      if (next === null || last === undefined || (timeOfUuid(last.message.id) ?? 0) > untilMs + SLACK_MS) return
      from = { position: last.position }
      if (this.#rate === undefined || dryRun === true) continue
      const restMs = Math.max(0, this.#startedMs + (this.done.matched / this.#rate) * 1_000 - clock.monotonicMs())
      await pause(clock, restMs, signal).catch(() => {})
    }
  }

  /** Without those that the topic's own queue still has to deliver. */
  async #without(messages: readonly Message[], topic: string): Promise<readonly Message[]> {
    const queue = topicQueue(topic, this.#endpoint.id)
    const found = await this.#deps.engine.find(messages.map(({ id }) => ({ queue, id })))
    return messages.filter((_, at) => !isOnItsWay(found[at]))
  }

  async #send(messages: readonly Message[]): Promise<number> {
    if (messages.length === 0) return 0
    const results = await commit(
      this.#deps.engine,
      messages.map((message) => sendOf(this.#endpoint, message)),
    )
    return results.filter(isNew).length
  }
}

const isOnItsWay = (stored: StoredMessage | null | undefined): boolean =>
  stored != null && (stored.state === 'leased' || WAITING_STATES.includes(stored.state))

/** Whether it was sent: one that is there already is not sent twice. */
const isNew = (result: ChangeResult | undefined): boolean =>
  result != null && 'duplicate' in result && !result.duplicate

async function commit(engine: Engine, changes: readonly Change[]): Promise<readonly ChangeResult[]> {
  const [result] = await engine.commit([{ changes }])
  if (result?.status === 'committed') return result.results
  throw new PosthornError(result?.code ?? 'unknown', result?.detail ?? 'no answer')
}

/** As it was published, to this endpoint alone. What a publish asked of time is past. */
function sendOf(endpoint: StoredEndpoint, message: Message): Change {
  const notes = { ...message.notes, ...notesFor(endpoint) }
  return {
    do: 'send',
    queue: endpointQueue(endpoint.id),
    message: { ...message, notes, delay: undefined, dedupe: undefined },
  }
}

async function one(deps: RedeliverDeps, endpoint: StoredEndpoint, id: string, dryRun: boolean): Promise<Redelivered> {
  const { engine } = deps
  if (!isUuid(id)) throw invalidOption('redeliver', 'message', id, 'the id of a message, as attempts show it')
  const references: MessageRef[] = queuesOf(endpoint).map((queue) => ({ queue, id }))
  for (const stored of await engine.find(references)) {
    if (stored === null) continue
    if (stored.state !== 'dead') {
      if (isOnItsWay(stored)) return { matched: 1, sent: 0, unkept: [] }
      continue
    }
    if (!dryRun) await commit(engine, [{ do: 'redrive', messages: [{ queue: stored.queue, id }] }])
    return { matched: 1, sent: dryRun ? 0 : 1, unkept: [] }
  }
  const message = await findKept(deps, endpoint, id)
  if (message === null)
    throw new PosthornError(
      'message-not-found',
      `endpoint '${endpoint.id}' has no dead letter ${id}, and none of its topics keeps it`,
      {
        details: { id },
      },
    )
  const [result] = dryRun ? [] : await commit(engine, [sendOf(endpoint, message)])
  return { matched: 1, sent: isNew(result) ? 1 : 0, unkept: [] }
}

/** Its id tells when it was made: it is looked for in what was published about then. */
async function findKept(
  { engine }: RedeliverDeps,
  { subscriptions }: StoredEndpoint,
  id: string,
): Promise<Message | null> {
  const madeAt = timeOfUuid(id)
  if (madeAt === null) return null
  for (const { topic } of subscriptions) {
    const [kept = null] = await engine.get([topicKey(topic)])
    if (kept === null || kept.value.byteLength <= 4) continue
    for (let from: Parameters<Engine['read']>[0]['from'] = { at: Math.max(0, madeAt - SLACK_MS) }; ;) {
      const { items, next } = await engine.read({ topic, from, limit: PAGE })
      const found = items.find(({ message }) => message.id === id)
      if (found !== undefined) return found.message
      const last = items.at(-1)
      if (next === null || last === undefined || (timeOfUuid(last.message.id) ?? 0) > madeAt + SLACK_MS) break
      from = { position: last.position }
    }
  }
  return null
}

const givenUp = (done: Redelivered): PosthornError =>
  new PosthornError('aborted', `it was given up after ${done.sent} events were sent: they stay so`, {
    details: { ...done },
  })
