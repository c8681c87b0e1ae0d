/**
 * Effects that are held until an outcome or the end of a `post.commit`: checked at once, so that what is wrong is told where it
 * was written, and turned into changes of the commit. A schema that must be waited for is waited for by whoever holds.
 */
import type { Clock } from '../core/clock.ts'
import type { Change } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import type { Message } from '../core/message.ts'
import { putOf, removeOf, type PutOptions } from '../record/index.ts'
import type { Composer, ComposeOptions } from './compose.ts'
import type { Effects, Held } from './context.ts'
import { definitionOf } from './definition.ts'

/** Who holds: a run, or a commit. */
export interface Holder {
  readonly composer: Composer
  readonly clock: Clock
  /** The message whose handler this is; null outside handlers. */
  readonly cause: Message | null
  hold(change: Change): void
  /** What must be waited for before the effects are complete. */
  late(work: Promise<void>): void
}

export function holdSend(holder: Holder, to: unknown, input: unknown, options: ComposeOptions | undefined): Held {
  const { composer, cause } = holder
  const definition = definitionOf(to, 'what send was given')
  const id = options?.id ?? composer.id()
  const outgoing = composer.compose(definition, input, { ...options, id }, cause)
  if (outgoing instanceof Promise) holder.late(outgoing.then((late) => holder.hold({ do: 'send', ...late })))
  else holder.hold({ do: 'send', ...outgoing })
  return { id }
}

export function holdPut(holder: Holder, key: string, value: unknown, options: PutOptions | undefined): void {
  holder.hold(putOf(holder.clock, key, value, options))
}

export function holdRemove(
  holder: Holder,
  key: string,
  options: { readonly ifVersion?: string | undefined } | undefined,
): void {
  holder.hold(removeOf(key, options))
}

/** The effects of one commit outside handlers. */
export class CommitEffects {
  readonly changes: Change[] = []
  readonly #late: Promise<void>[] = []
  readonly effects: Effects
  #open = true

  constructor(composer: Composer, clock: Clock) {
    const holder: Holder = {
      composer,
      clock,
      cause: null,
      hold: (change) => void this.changes.push(change),
      late: (work) => void this.#late.push(silenced(work)),
    }
    const whileOpen = () => {
      if (!this.#open)
        throw new PosthornError(
          'invalid',
          'this commit is over: what is added now would have no effect, so await it before the body returns',
        )
    }
    this.effects = {
      send: (to, ...[input, options]) => (whileOpen(), holdSend(holder, to, input, options)),
      put: (key, value, options) => (whileOpen(), holdPut(holder, key, value, options)),
      remove: (key, options) => (whileOpen(), holdRemove(holder, key, options)),
    }
  }

  /** All changes, once they are complete. */
  async close(): Promise<readonly Change[]> {
    this.#open = false
    await Promise.all(this.#late)
    return this.changes
  }
}

/** Its rejection is taken up later: until then it must not count as unhandled. */
export function silenced<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {})
  return work
}
