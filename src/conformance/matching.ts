/**
 * The contract leaves engines free in how they name things: tokens, versions, and the ids of messages that they make
 * themselves. Here is which of the engine's names stands for which of the oracle's; a name never changes what it stands for.
 */
import { fromJsonBytes } from '../core/json.ts'
import type { StoredMessage } from '../core/message.ts'
import type { Model } from './model.ts'

type Pair = { readonly engine: string; readonly model: string }

export class Matching {
  readonly #tokens: Pair[] = []
  readonly #versions: (Pair & { readonly key: string })[] = []
  readonly #made: Pair[] = []

  /** A copy to try things out on. */
  fork(): Matching {
    const fork = new Matching()
    fork.#tokens.push(...this.#tokens)
    fork.#versions.push(...this.#versions)
    fork.#made.push(...this.#made)
    return fork
  }

  /** A sentence where the token was seen before. */
  addToken(engine: string, model: string): string | null {
    const seen = this.#tokens.find((pair) => pair.engine === engine)
    this.#tokens.push({ engine, model })
    return seen === undefined ? null : `token ${engine} was handed out twice`
  }

  /** The n-th newest token, modulo how many there are. */
  token(n: number): Pair {
    return this.#tokens.at(-1 - (n % this.#tokens.length)) ?? { engine: 'never-handed-out', model: 'never-handed-out' }
  }

  hasVersion(key: string, engine: string, model: string): boolean {
    const ofKey = this.#versions.filter((pair) => pair.key === key)
    const known = ofKey.filter((pair) => pair.engine === engine || pair.model === model)
    if (known.length === 0) this.#versions.push({ key, engine, model })
    return known.every((pair) => pair.engine === engine && pair.model === model)
  }

  version(key: string, which: 'current' | 'first'): Pair {
    const ofKey = this.#versions.filter((pair) => pair.key === key)
    return (which === 'first' ? ofKey[0] : ofKey.at(-1)) ?? { engine: 'never-given', model: 'never-given' }
  }

  /** The oracle's id of a message that the engine shows; of one that the engine made, found by what it says. */
  idOf(stored: StoredMessage, model: Model): string {
    const known = this.#made.find(({ engine }) => engine === stored.id)
    if (known) return known.model
    const { messages } = model.state
    if (messages.some(({ queue, id }) => queue === stored.queue && id === stored.id)) return stored.id
    const made = messages.find((each) => each.queue === stored.queue && this.#isFree(each.id) && saysTheSame(stored, each))
    if (made) this.#made.push({ engine: stored.id, model: made.id })
    return made?.id ?? stored.id
  }

  #isFree(id: string): boolean {
    return id.startsWith('made-') && !this.#made.some(({ model }) => model === id)
  }
}

const COMPARED = ['id', 'queue', 'state', 'reason', 'acquired', 'failed', 'sentAt', 'endedAt']

function saysTheSame(engine: StoredMessage, model: StoredMessage): boolean {
  if (engine.message.event.type !== model.message.event.type) return false
  const expected = fromJsonBytes(model.message.body) as Record<string, unknown> | null
  const shown = fromJsonBytes(engine.message.body) as Record<string, unknown> | null
  return expected === null || COMPARED.every((field) => shown?.[field] === expected[field])
}
