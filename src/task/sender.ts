/** Sends: one message, or many effects in one commit. Resolves when what was sent is durable. */
import type { Clock } from '../core/clock.ts'
import type { Change, ChangeResult, CommitResult, Durability, Engine } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import type { Receipt } from '../operation/index.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { Composer, ComposeOptions, Outgoing } from './compose.ts'
import type { Effects } from './context.ts'
import type { Definition } from './definition.ts'
import { CommitEffects } from './effects.ts'

export interface SenderDeps {
  readonly engine: Pick<Engine, 'commit'>
  readonly composer: Composer
  readonly clock: Clock
  readonly telemetry: Telemetry
  /** What a receipt must reach; undefined: the engine's best. */
  readonly durability: Durability | undefined
}

export class Sender {
  readonly #deps: SenderDeps

  constructor(deps: SenderDeps) {
    this.#deps = deps
  }

  /** @throws PosthornError what `Composer.compose` throws, `full`, `unsupported`, `closed`, `unknown` */
  async send(definition: Definition, input: unknown, options?: ComposeOptions): Promise<Receipt> {
    const startedMs = this.#deps.clock.monotonicMs()
    const composed = this.#deps.composer.compose(definition, input, options)
    const { queue, message }: Outgoing = composed instanceof Promise ? await composed : composed
    const { durability, results } = await this.#commit([{ do: 'send', queue, message }])
    const sent = results[0] as { readonly id: string; readonly duplicate: boolean }
    const { telemetry, clock } = this.#deps
    if (telemetry.wants('sent'))
      telemetry.emit('sent', {
        target: queue,
        count: 1,
        duplicates: sent.duplicate ? 1 : 0,
        ms: clock.monotonicMs() - startedMs,
        durability,
      })
    return { id: sent.id, duplicate: sent.duplicate, durability }
  }

  /** `routed`: how many subscriptions got it at once. @throws PosthornError as `send` */
  async publish(
    definition: Definition,
    input: unknown,
    options?: ComposeOptions,
  ): Promise<Receipt & { readonly routed: number }> {
    const startedMs = this.#deps.clock.monotonicMs()
    const composed = this.#deps.composer.compose(definition, input, options)
    const { queue: topic, message }: Outgoing = composed instanceof Promise ? await composed : composed
    const changes: readonly Change[] = [{ do: 'publish', topic, message }]
    const committed = await this.#commit(changes)
    this.#tell(changes, committed, startedMs)
    const { id, duplicate, routed = 0 } = committed.results[0] as Extract<ChangeResult, { readonly id: string }>
    return { id, duplicate, durability: committed.durability, routed }
  }

  /** @throws PosthornError also `conflict` where an `ifVersion` does not hold: then nothing of it took place */
  async commit<T>(body: (effects: Effects) => T | Promise<T>): Promise<T> {
    const startedMs = this.#deps.clock.monotonicMs()
    const held = new CommitEffects(this.#deps.composer, this.#deps.clock)
    const value = await body(held.effects)
    const changes = await held.close()
    if (changes.length > 0) this.#tell(changes, await this.#commit(changes), startedMs)
    return value
  }

  async #commit(changes: readonly Change[]): Promise<Extract<CommitResult, { readonly status: 'committed' }>> {
    const { engine, durability } = this.#deps
    const [result] = await engine.commit([durability === undefined ? { changes } : { durability, changes }])
    if (result?.status === 'committed') return result
    if (result === undefined) throw new PosthornError('unknown', 'the engine gave no answer')
    const change = changes[result.at]
    throw new PosthornError(result.code, result.detail, {
      details: { at: result.at, ...(change === undefined ? {} : targetOf(change)) },
    })
  }

  #tell(
    changes: readonly Change[],
    { results, durability }: Extract<CommitResult, { readonly status: 'committed' }>,
    startedMs: number,
  ): void {
    const { telemetry, clock } = this.#deps
    if (!telemetry.wants('sent')) return
    const ms = clock.monotonicMs() - startedMs
    changes.forEach((change, at) => {
      const sent = results[at]
      if ((change.do !== 'send' && change.do !== 'publish') || !sent || !('duplicate' in sent)) return
      const target = change.do === 'send' ? change.queue : `topic:${change.topic}`
      telemetry.emit('sent', { target, count: 1, duplicates: sent.duplicate ? 1 : 0, ms, durability })
    })
  }
}

function targetOf(change: Change): { readonly queue?: string; readonly topic?: string; readonly key?: string } {
  if (change.do === 'send') return { queue: change.queue }
  if (change.do === 'publish') return { topic: change.topic }
  return change.do === 'put' || change.do === 'remove' ? { key: change.key } : {}
}
