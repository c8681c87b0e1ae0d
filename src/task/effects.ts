/**
 * Effects that are held until an outcome or the end of a `post.commit`: checked at once, so that what is wrong is told where it
 * was written, and turned into changes of the commit. A schema that must be waited for is waited for by whoever holds.
 */
import type { Clock } from '../core/clock.ts'
import type { Change } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import type { Message } from '../core/message.ts'
import { putOf, removeOf, type PutOptions } from '../record/index.ts'
import type { Composer, ComposeOptions, Outgoing } from './compose.ts'
import type { Effects, Held } from './context.ts'
import { definitionOf } from './definition.ts'
import { eventDefinitionOf, topicDefinitionOf } from './topic-definition.ts'

/** Who holds: a run, or a commit. */
export interface Holder {
  readonly composer: Composer
  readonly clock: Clock
  /** The message whose handler this is; null outside handlers. */
  readonly cause: Message | null
  /** Where an effect must be waited for, those held after it stand behind it: what is sent keeps its order. */
  readonly line: EffectLine
}

/** The effects of a holder, in the order in which they were held. */
export class EffectLine {
  readonly #hold: (change: Change) => void
  /** What must be waited for before the effects are complete; null: nothing. */
  #last: Promise<void> | null = null

  constructor(hold: (change: Change) => void) {
    this.#hold = hold
  }

  get late(): Promise<void> | null {
    return this.#last
  }

  add(change: Change | Promise<Change>): void {
    if (this.#last === null && !(change instanceof Promise)) return this.#hold(change)
    const before = this.#last
    // Each is waited for at once, so that no failure of one goes unheard while another is waited for.
    const next = Promise.all([change, before]).then(([late]) => this.#hold(late))
    // Its rejection is taken up by whoever waits: until then it must not count as unhandled.
    next.catch(() => {})
    this.#last = next
  }
}

export function holdSend(holder: Holder, to: unknown, input: unknown, options: ComposeOptions | undefined): Held {
  const { composer, cause } = holder
  const definition = definitionOf(to, 'what send was given')
  const id = options?.id ?? composer.id()
  const outgoing = composer.compose(definition, input, options, cause, id)
  holder.line.add(outgoing instanceof Promise ? outgoing.then(toSend) : toSend(outgoing))
  return { id }
}

export function holdPublish(
  holder: Holder,
  topic: unknown,
  type: unknown,
  input: unknown,
  options: ComposeOptions | undefined,
): Held {
  const { composer, cause } = holder
  const declared = topicDefinitionOf(topic, 'what publish was given')
  const definition = eventDefinitionOf(declared, type)
  const id = options?.id ?? composer.id()
  const outgoing = composer.compose(definition, input, options, cause, id)
  const late = composer.prepareTopic(declared)
  if (late !== null) holder.line.add(Promise.all([outgoing, late]).then(([ready]) => toPublish(ready)))
  else holder.line.add(outgoing instanceof Promise ? outgoing.then(toPublish) : toPublish(outgoing))
  return { id }
}

const toSend = ({ queue, message }: Outgoing): Change => ({ do: 'send', queue, message })
const toPublish = ({ queue: topic, message }: Outgoing): Change => ({ do: 'publish', topic, message })

export function holdPut(holder: Holder, key: string, value: unknown, options: PutOptions | undefined): void {
  holder.line.add(putOf(holder.clock, key, value, options))
}

export function holdRemove(
  holder: Holder,
  key: string,
  options: { readonly ifVersion?: string | undefined } | undefined,
): void {
  holder.line.add(removeOf(key, options))
}

/** The effects of one commit outside handlers. Its functions are got as properties, so that they may be taken out of it. */
export class CommitEffects implements Effects, Holder {
  readonly composer: Composer
  readonly clock: Clock
  readonly cause = null
  readonly line: EffectLine
  readonly #changes: Change[] = []
  #open = true

  constructor(composer: Composer, clock: Clock) {
    this.composer = composer
    this.clock = clock
    this.line = new EffectLine((change) => void this.#changes.push(change))
  }

  get send(): Effects['send'] {
    return (to, ...[input, options]) => holdSend(this.#whileOpen(), to, input, options)
  }

  get publish(): Effects['publish'] {
    return (topic, type, data, options) => holdPublish(this.#whileOpen(), topic, type, data, options)
  }

  get put(): Effects['put'] {
    return (key, value, options) => holdPut(this.#whileOpen(), key, value, options)
  }

  get remove(): Effects['remove'] {
    return (key, options) => holdRemove(this.#whileOpen(), key, options)
  }

  /** All changes, once they are complete. */
  close(): readonly Change[] | Promise<readonly Change[]> {
    this.#open = false
    return this.line.late === null ? this.#changes : this.line.late.then(() => this.#changes)
  }

  #whileOpen(): this {
    if (this.#open) return this
    throw new PosthornError(
      'invalid',
      'this commit is over: what is added now would have no effect, so await it before the body returns',
    )
  }
}
