/**
 * One endpoint as this process knows it: its record, its pace, what signs its calls, and what its receiver's answers make of it as a whole.
 */
import type { Clock } from '../../core/clock.ts'
import type { Engine, Version } from '../../core/engine.ts'
import type { Ids, Random } from '../../core/id.ts'
import type { Log } from '../../runtime/log.ts'
import type { Mac } from '../../webhooks/index.ts'
import { addressOf, type Address } from '../call/exchange.ts'
import { AttemptRing } from '../endpoint/attempt.ts'
import { isActive, queuesOf, topicOf, type StoredEndpoint } from '../endpoint/endpoint.ts'
import type { EndpointStore } from '../endpoint/store.ts'
import { profileOf, type CallbackProfile } from '../profile/profile.ts'
import { signingKeys } from '../secret/key.ts'
import type { SealDeps } from '../secret/seal.ts'
import { createPen, type Pen } from '../sign/pen.ts'
import { EndpointGate, type GateSettings } from './gate.ts'
import type { Round } from './round.ts'
import { noteTurn } from './turn.ts'

export interface ServedDeps extends SealDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly ids: Ids
  readonly random: Random
  readonly log: Log
  readonly source: string
  readonly checkUrl: (url: string) => void
  readonly mac: Mac
  /** How long an endpoint may fail before it is disabled. */
  readonly failingMs: number
}

/** Until a receiver that says that nobody is there is asked again, where that could not be written. */
const AGAIN_MS = 60_000

export class ServedEndpoint implements Round {
  readonly gate: EndpointGate
  readonly ring: AttemptRing
  endpoint: StoredEndpoint
  version: Version = ''
  /** Its app is paused. */
  isHeld = false
  profile: CallbackProfile
  /** With what its queues were given to the worker. */
  bound = 0
  readonly #deps: ServedDeps
  readonly #store: EndpointStore
  readonly #wake: () => void
  #pen: Pen | Promise<Pen> | null = null
  #turning = false
  /** The address that said 410 while another turn was being written. */
  #goneAt: string | null = null
  #checkedUrl = ''
  #address: Address | null = null
  /** The queue that was asked for last, and its topic. */
  #queue = ''
  #topic: string | null = null

  constructor(deps: ServedDeps, store: EndpointStore, endpoint: StoredEndpoint, wake: () => void) {
    this.#deps = deps
    this.#store = store
    this.#wake = wake
    this.endpoint = endpoint
    this.profile = profileOf(endpoint.profile)
    this.gate = new EndpointGate(deps.clock, deps.random, paceOf(endpoint))
    // Who begins again goes on where it likes: what is overwritten is the oldest or nearly.
    this.ring = new AttemptRing(endpoint, Math.floor(deps.random() * 10_000))
  }

  get address(): Address {
    return (this.#address ??= addressOf(this.endpoint.url))
  }

  get queues(): readonly string[] {
    return queuesOf(this.endpoint)
  }

  get attempts(): number {
    return (this.endpoint.retry ?? this.profile.retry).attempts
  }

  get delaysMs(): readonly number[] {
    return (this.endpoint.retry ?? this.profile.retry).delaysMs
  }

  /** Whether it is called at all. */
  get isServed(): boolean {
    return isActive(this.endpoint) && !this.isHeld
  }

  update(endpoint: StoredEndpoint, version: Version, isHeld: boolean): void {
    this.endpoint = endpoint
    this.version = version
    this.isHeld = isHeld
    this.profile = profileOf(endpoint.profile)
    this.#pen = null
    this.#address = null
    this.gate.change(paceOf(endpoint))
    this.gate.open(this.isServed)
  }

  checkUrl(): void {
    if (this.#checkedUrl === this.endpoint.url) return
    this.#deps.checkUrl(this.endpoint.url)
    this.#checkedUrl = this.endpoint.url
  }

  pen(at: number): Pen | Promise<Pen> {
    const pen = this.#pen
    if (pen === null) return this.#cut()
    return pen instanceof Promise || at < pen.untilMs ? pen : this.#cut()
  }

  topicOf(queue: string): string | null {
    if (queue !== this.#queue) {
      this.#queue = queue
      this.#topic = topicOf(queue)
    }
    return this.#topic
  }

  tell(what: Parameters<Round['tell']>[0], sentAt: number, url: string): void {
    const { endpoint } = this
    // It has moved while it was called.
    if (what === 'gone' && url !== endpoint.url) return
    if (what === 'gone') this.gate.open(false)
    // All that waited while it was disabled has been sent.
    if (endpoint.resumedAt !== null && sentAt >= endpoint.resumedAt)
      this.gate.change({ ...paceOf({ ...endpoint, resumedAt: null }) })
    const isTurn =
      what === 'gone' ||
      what === 'opened' ||
      (what === 'delivered' || what === 'recovered' ? endpoint.failingSince !== null : this.#isOverdue())
    if (!isTurn) return
    if (!this.#turning) return void this.#turn(what, url)
    // While it is closed here, no further call would say so again.
    if (what === 'gone') this.#goneAt = url
  }

  async #turn(what: Parameters<Round['tell']>[0], url: string): Promise<void> {
    this.#turning = true
    try {
      await noteTurn({ ...this.#deps, store: this.#store }, this.endpoint.id, what, url)
    } catch (error) {
      this.#deps.log.error('what became of an endpoint could not be written', { endpoint: this.endpoint.id, error })
      // It is not written that it is disabled, so it is not: the next call finds out again.
      if (what === 'gone') {
        this.gate.open(this.isServed)
        this.gate.pause(AGAIN_MS)
        this.#wake()
      }
    }
    this.#turning = false
    const goneAt = this.#goneAt
    this.#goneAt = null
    if (goneAt !== null) await this.#turn('gone', goneAt)
  }

  #isOverdue(): boolean {
    const { failingSince } = this.endpoint
    return failingSince !== null && this.#deps.clock.wallMs() - failingSince >= this.#deps.failingMs
  }

  /** What comes of one that has been replaced meanwhile says nothing of the one that is used. */
  #cut(): Promise<Pen> {
    const cutting = this.#make()
    const become = (pen: Pen | null): void => {
      if (this.#pen === cutting) this.#pen = pen
    }
    cutting.then(become, (error: unknown) => {
      become(null)
      this.#deps.log.error('the secrets of an endpoint could not be read; it is not called until they can be', {
        endpoint: this.endpoint.id,
        error,
      })
    })
    this.#pen = cutting
    return cutting
  }

  async #make(): Promise<Pen> {
    const { endpoint, profile } = this
    const { clock, mac } = this.#deps
    const vault = await this.#store.vault(endpoint.id)
    const platformKeys = endpoint.signature === 'v1' ? [] : await signingKeys(this.#deps)
    return createPen(endpoint, profile, vault, platformKeys, () => clock.wallMs(), mac)
  }
}

/** What its settings, what it granted and what it has to catch up with allow. */
function paceOf({ concurrency, ratePerSecond, verified, drainPerSecond, resumedAt }: StoredEndpoint): GateSettings {
  const rates = [
    ratePerSecond,
    verified?.ratePerMinute == null ? null : verified.ratePerMinute / 60,
    resumedAt === null ? null : drainPerSecond,
  ].filter((rate) => rate !== null)
  return { concurrency, ratePerSecond: rates.length === 0 ? null : Math.min(...rates) }
}
