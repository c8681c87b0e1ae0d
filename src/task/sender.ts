/** Sends: one message, or many effects in one commit. Resolves when what was sent is durable. */
import type { Clock } from '../core/clock.ts'
import type { Change, ChangeResult, Commit, CommitResult, Durability, Engine } from '../core/engine.ts'
import { isPosthornError, PosthornError } from '../core/error.ts'
import type { Receipt } from '../operation/index.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { Composer, ComposeOptions, Outgoing } from './compose.ts'
import type { Effects } from './context.ts'
import type { Definition } from './definition.ts'
import { CommitEffects } from './effects.ts'
import { Gatherer } from './gather.ts'

export interface SenderDeps {
  readonly engine: Pick<Engine, 'commit'>
  readonly composer: Composer
  readonly clock: Clock
  readonly telemetry: Telemetry
  /** What a receipt must reach; undefined: the engine's best. */
  readonly durability: Durability | undefined
}

type Committed = Extract<CommitResult, { readonly status: 'committed' }>

export class Sender {
  readonly #deps: SenderDeps
  readonly #gatherer: Gatherer

  constructor(deps: SenderDeps) {
    this.#deps = deps
    this.#gatherer = new Gatherer(deps.engine)
  }

  /** @throws PosthornError what `Composer.compose` throws, `full`, `unsupported`, `closed`, `unknown` */
  async send(definition: Definition, input: unknown, options?: ComposeOptions): Promise<Receipt> {
    const startedMs = this.#startedMs()
    const composed = this.#deps.composer.compose(definition, input, options)
    const { queue, message }: Outgoing = composed instanceof Promise ? await composed : composed
    const changes: readonly Change[] = [{ do: 'send', queue, message }]
    // Not a function of its own: each that waits costs every send a promise.
    const at = this.#gatherer.add(this.#commitOf(changes))
    const committed = checkCommitted(changes, (await this.#gatherer.results)[at])
    this.#tell(changes, committed, startedMs)
    const { id, duplicate } = committed.results[0] as Extract<ChangeResult, { readonly id: string }>
    return { id, duplicate, durability: committed.durability }
  }

  /** `routed`: how many subscriptions got it at once. @throws PosthornError as `send` */
  async publish(
    definition: Definition,
    input: unknown,
    options?: ComposeOptions,
  ): Promise<Receipt & { readonly routed: number }> {
    const startedMs = this.#startedMs()
    const composed = this.#deps.composer.compose(definition, input, options)
    const { queue: topic, message }: Outgoing = composed instanceof Promise ? await composed : composed
    const changes: readonly Change[] = [{ do: 'publish', topic, message }]
    const committed = await this.#commit(changes)
    this.#tell(changes, committed, startedMs)
    const { id, duplicate, routed = 0 } = committed.results[0] as Extract<ChangeResult, { readonly id: string }>
    return { id, duplicate, durability: committed.durability, routed }
  }

  /**
   * Events that are made already, in this order, in one commit: all or none. Answers which of them it was refused for and why, or null;
   * -1: none of them.
   */
  async publishAll(
    outgoing: readonly Outgoing[],
  ): Promise<{ readonly at: number; readonly error: PosthornError } | null> {
    const startedMs = this.#startedMs()
    const changes = outgoing.map(({ queue: topic, message }): Change => ({ do: 'publish', topic, message }))
    try {
      this.#tell(changes, await this.#commit(changes), startedMs)
      return null
    } catch (thrown) {
      const error = toPosthornError(thrown)
      const { at } = error.details as { readonly at?: unknown }
      return { at: typeof at === 'number' ? at : -1, error }
    }
  }

  /** @throws PosthornError also `conflict` where an `ifVersion` does not hold: then nothing of it took place */
  async commit<T>(body: (effects: Effects) => T | Promise<T>): Promise<T> {
    const startedMs = this.#startedMs()
    const held = new CommitEffects(this.#deps.composer, this.#deps.clock)
    const value = await body(held)
    const closed = held.close()
    const changes = closed instanceof Promise ? await closed : closed
    if (changes.length > 0) this.#tell(changes, await this.#commit(changes), startedMs)
    return value
  }

  async #commit(changes: readonly Change[]): Promise<Committed> {
    const at = this.#gatherer.add(this.#commitOf(changes))
    return checkCommitted(changes, (await this.#gatherer.results)[at])
  }

  #commitOf(changes: readonly Change[]): Commit {
    const { durability } = this.#deps
    return durability === undefined ? { changes } : { durability, changes }
  }

  /** null where nobody wants to know how long it takes. */
  #startedMs(): number | null {
    const { telemetry, clock } = this.#deps
    return telemetry.wants('sent') ? clock.monotonicMs() : null
  }

  #tell(changes: readonly Change[], { results, durability }: Committed, startedMs: number | null): void {
    if (startedMs === null) return
    const { telemetry, clock } = this.#deps
    const ms = clock.monotonicMs() - startedMs
    changes.forEach((change, at) => {
      const sent = results[at]
      if ((change.do !== 'send' && change.do !== 'publish') || !sent || !('duplicate' in sent)) return
      const target = change.do === 'send' ? change.queue : `topic:${change.topic}`
      telemetry.emit('sent', { target, count: 1, duplicates: sent.duplicate ? 1 : 0, ms, durability })
    })
  }
}

function toPosthornError(error: unknown): PosthornError {
  return isPosthornError(error) ? error : new PosthornError('unknown', 'the engine failed', { cause: error })
}

function checkCommitted(changes: readonly Change[], result: CommitResult | undefined): Committed {
  if (result?.status === 'committed') return result
  if (result === undefined) throw new PosthornError('unknown', 'the engine gave no answer')
  const change = changes[result.at]
  throw new PosthornError(result.code, result.detail, {
    details: { at: result.at, ...(change === undefined ? {} : targetOf(change)) },
  })
}

function targetOf(change: Change): { readonly queue?: string; readonly topic?: string; readonly key?: string } {
  if (change.do === 'send') return { queue: change.queue }
  if (change.do === 'publish') return { topic: change.topic }
  return change.do === 'put' || change.do === 'remove' ? { key: change.key } : {}
}
