/** Delivery to endpoints as one running part: the guard, the worker and all endpoints on it. It ends with the post at the latest. */
import { hostname } from 'node:os'
import type { Clock } from '../core/clock.ts'
import { parseDuration, type Duration } from '../core/duration.ts'
import type { Engine } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import type { Histogram } from '../core/histogram.ts'
import type { Ids, Random } from '../core/id.ts'
import { checkKnown, invalidOption } from '../core/option.ts'
import type { Binding } from '../delivery/binding.ts'
import { Worker } from '../delivery/worker.ts'
import type { Log } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { createAllowance, type Allowance } from './call/allowance.ts'
import { createGuard } from './call/guard.ts'
import type { Delivering, DeliverOptions } from './control.ts'
import { Dispatch } from './deliver/dispatch.ts'
import type { Verified } from './endpoint/endpoint.ts'
import { EndpointStore } from './endpoint/store.ts'
import { drillEndpoint, type Drill } from './probe/drill.ts'
import { makeGrantToken } from './probe/grant.ts'
import type { ProbeDeps, Target } from './probe/probe.ts'
import { verifyEndpoint } from './probe/verify.ts'
import { profileOf } from './profile/profile.ts'
import { signingKeys } from './secret/key.ts'
import { reseal } from './secret/reseal.ts'
import { checkMasterKeys, type SealDeps } from './secret/seal.ts'
import { createMac } from './sign/mac.ts'
import { createPen } from './sign/pen.ts'

export interface DeliveringDeps extends SealDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly ids: Ids
  readonly random: Random
  readonly log: Log
  readonly telemetry: Telemetry
  readonly source: string
  /** Aborts when the post closes. */
  readonly closing: AbortSignal
}

/** What bindings beside those of endpoints share with them. */
export interface BindingParts {
  readonly agent: ReturnType<typeof createGuard>
  /** Whether the app is paused, as far as this process knows. */
  readonly holds: (app: string) => boolean
}

export interface DeliveringParts {
  readonly allowance: Allowance
  readonly origin?: string | undefined
  readonly grantUrl?: string | undefined
  readonly disableAfter?: Duration | undefined
  /** More queues for the same worker. */
  readonly bindings?: ((parts: BindingParts) => readonly Binding[]) | undefined
  /** Whether the process lives as long as this does. Default true. */
  readonly keepAlive?: boolean | undefined
}

const KNOWN = ['allow', 'allowRanges', 'origin', 'grantUrl', 'disableAfter']
const DISABLE_AFTER_MS = 5 * 86_400_000
/** Calls that were answered and are not yet on record: a crash makes them again, so that with a slow engine there must not be many. */
const MOST_BESIDE = 200
/** Records in one line of the log. */
const MOST_NAMED = 20
const ORIGIN = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:\d{1,5})?$/

/** How receivers may know the sender by a name; what is no DNS name, as machines may be called, tells them nothing. */
export const originOf = (name: string): string => (ORIGIN.test(name) ? name : 'localhost')

/** @throws PosthornError `invalid-option`, `invalid-duration` */
export async function startDelivering(deps: DeliveringDeps, options: DeliverOptions = {}): Promise<Delivering> {
  checkKnown('deliver', options, KNOWN)
  const { allow, allowRanges, ...rest } = options
  return runDelivering(deps, { allowance: createAllowance(allow, allowRanges), ...rest })
}

export async function runDelivering(deps: DeliveringDeps, parts: DeliveringParts): Promise<Delivering> {
  const { allowance, origin = originOf(hostname()), grantUrl, disableAfter = DISABLE_AFTER_MS } = parts
  if (grantUrl !== undefined && !/^https?:$/.test(URL.parse(grantUrl)?.protocol ?? ''))
    throw invalidOption('deliver', 'grantUrl', grantUrl, "an address like 'https://api.example.com/v1/webhook-grants/'")
  if (!ORIGIN.test(origin)) throw invalidOption('deliver', 'origin', origin, "a DNS name like 'events.example.com'")
  const failingMs = parseDuration(disableAfter, 'deliver: disableAfter')
  const agent = createGuard({
    rangesOf: allowance.rangesOf,
    isPlainAllowed: allowance.isAllowed,
  })
  const checkUrl = (url: string): void => allowance.checkEndpoint(url)
  const dispatching = { ...deps, agent, origin, checkUrl, failingMs, mac: createMac() }
  const running: RunningParts = { deps: dispatching, agent, grantUrl: grantUrl ?? null, closing: deps.closing }
  return Running.start(running, parts)
}

type Dispatching = DeliveringDeps & ConstructorParameters<typeof Dispatch>[0]

interface RunningParts {
  readonly deps: Dispatching
  readonly agent: ReturnType<typeof createGuard>
  readonly grantUrl: string | null
  readonly closing: AbortSignal
}

class Running implements Delivering {
  readonly #parts: RunningParts
  readonly #worker: Worker
  readonly #dispatch: Dispatch
  readonly #store: EndpointStore
  readonly #stopping = new AbortController()
  #resealing: Promise<void> | null = null
  #stopped: Promise<void> | null = null

  static async start(parts: RunningParts, { bindings, keepAlive = true }: DeliveringParts): Promise<Running> {
    const running = new Running(parts, bindings, keepAlive)
    await running.#begin()
    return running
  }

  private constructor(parts: RunningParts, bindings: DeliveringParts['bindings'], keepAlive: boolean) {
    const { deps, agent } = parts
    this.#parts = parts
    this.#store = new EndpointStore(deps)
    this.#worker = new Worker(deps, bindings?.({ agent, holds: (app) => this.#dispatch.holds(app) }) ?? [], {
      name: `callbacks of process ${process.pid}`,
      beside: MOST_BESIDE,
      gather: 'turn',
      ...(keepAlive ? {} : { keepAlive: () => ({ [Symbol.dispose]() {} }) }),
    })
    this.#dispatch = new Dispatch(deps, this.#worker)
  }

  get delays(): Histogram {
    return this.#dispatch.delays
  }

  pace(id: string): ReturnType<Delivering['pace']> {
    return this.#dispatch.paceOf(id)
  }

  async verify(id: string): Promise<Verified> {
    const target = await this.#target(id)
    const verified = await verifyEndpoint(this.#probing(), target)
    // Nothing is known of it that was not known before.
    if (verified.pending === true) return verified
    const { endpoint } = await this.#store.change(id, (current) =>
      current.url === target.endpoint.url ? { endpoint: { ...current, verified } } : null,
    )
    if (endpoint.verified === verified) return verified
    throw new PosthornError('conflict', `endpoint '${id}' has moved while it was asked: verify it again`, {
      details: { endpoint: id },
    })
  }

  async drill(id: string): Promise<Drill> {
    return drillEndpoint(this.#probing(), await this.#target(id))
  }

  async drain(options: { readonly budget?: Duration | undefined } = {}): Promise<{ readonly handled: number }> {
    if (this.#stopped !== null) throw new PosthornError('closed', 'delivery was stopped: begin it again with deliver()')
    return this.#worker.drain(options)
  }

  async stop(options: { readonly grace?: Duration | undefined } = {}): Promise<void> {
    // Each call may shorten the grace.
    const ended = this.#worker.stop(options)
    this.#stopped ??= this.#end(ended)
    await this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #begin(): Promise<void> {
    const { closing } = this.#parts
    if (closing.aborted) throw new PosthornError('closed', 'the post is closed')
    closing.addEventListener('abort', () => void this.stop({ grace: 0 }), {
      once: true,
      signal: this.#stopping.signal,
    })
    try {
      await checkMasterKeys(this.#parts.deps)
      await this.#dispatch.start()
      await this.#worker.start()
      this.#resealing = this.#reseal()
    } catch (error) {
      await this.stop({ grace: 0 })
      throw error
    }
  }

  /** A rotation of the master key is over when nothing is left that the old one sealed. */
  async #reseal(): Promise<void> {
    const { deps } = this.#parts
    try {
      const { count, unopened } = await reseal(deps, () => this.#stopped === null)
      if (count > 0) deps.log.info(`${count} secrets are sealed with the newest master key now`)
      if (unopened.length > 0)
        deps.log.error(
          'secrets that none of the master keys opens were left as they are: damaged, or sealed with a key that is not given',
          {
            count: unopened.length,
            records: unopened.slice(0, MOST_NAMED),
          },
        )
    } catch (error) {
      deps.log.error('secrets could not be sealed with the newest master key; the old one is still needed', { error })
    }
  }

  async #end(ended: Promise<void>): Promise<void> {
    await this.#dispatch.stop()
    await this.#resealing
    await ended
    this.#stopping.abort()
    await this.#parts.agent.destroy()
  }

  #probing(): ProbeDeps {
    const { deps, agent, grantUrl } = this.#parts
    return {
      ...deps,
      agent,
      signal: this.#stopping.signal,
      grantUrl:
        grantUrl === null
          ? null
          : async (endpoint, ratePerMinute) =>
              grantUrl + makeGrantToken(await this.#store.seal(), endpoint, ratePerMinute, deps.clock.wallMs()),
    }
  }

  async #target(id: string): Promise<Target> {
    const { deps } = this.#parts
    const { endpoint } = await this.#store.need(id)
    const profile = profileOf(endpoint.profile)
    const vault = await this.#store.vault(id)
    const keys = endpoint.signature === 'v1' ? [] : await signingKeys(deps)
    return { endpoint, profile, pen: createPen(endpoint, profile, vault, keys, () => deps.clock.wallMs(), deps.mac) }
  }
}
