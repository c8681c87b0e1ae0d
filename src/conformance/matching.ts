/**
 * The contract leaves engines free in how they name things: tokens, versions, and the ids of messages that they make
 * themselves. Here is which of the engine's names stands for which of the oracle's; a name never changes what it stands for.
 */
import type { Change, Commit } from '../core/engine.ts'
import { fromJsonBytes } from '../core/json.ts'
import type { StoredMessage } from '../core/message.ts'
import { settingsKey, subscriptionKey, topicKey } from '../core/settings.ts'
import type { Model } from './model.ts'

type Pair = { readonly engine: string; readonly model: string }

const UNKNOWN: Pair = { engine: 'never-given', model: 'never-given' }

export class Matching {
  readonly #tokens: Pair[] = []
  readonly #versions: (Pair & { readonly key: string | null })[] = []
  readonly #made: Pair[] = []

  /** A copy to try things out on. */
  fork(): Matching {
    const fork = new Matching()
    fork.#tokens.push(...this.#tokens)
    fork.#versions.push(...this.#versions)
    fork.#made.push(...this.#made)
    return fork
  }

  /** The engine's commit in the oracle's names. */
  toModel(commit: Commit): Commit {
    return { ...commit, changes: commit.changes.map((change) => this.#toModelChange(change)) }
  }

  /** Whether the token is new, as it must be. */
  addToken(engine: string, model: string): boolean {
    const isNew = this.#tokens.every((pair) => pair.engine !== engine)
    this.#tokens.push({ engine, model })
    return isNew
  }

  /** The engine's n-th newest token, modulo how many there are. */
  token(n: number): string {
    return (this.#tokens.at(-1 - (n % this.#tokens.length)) ?? UNKNOWN).engine
  }

  modelToken(engine: string): string {
    return (this.#tokens.find((pair) => pair.engine === engine) ?? UNKNOWN).model
  }

  /** @param key null where the answer is one that was remembered */
  hasVersion(key: string | null, engine: string, model: string): boolean {
    const known = this.#versions.filter((pair) => pair.model === model || (pair.key === key && pair.engine === engine))
    if (known.length === 0) this.#versions.push({ key, engine, model })
    return known.every((pair) => pair.engine === engine && pair.model === model)
  }

  /** The engine's version of a key: the newest that was seen, or the first. */
  version(key: string, which: 'current' | 'first'): string {
    const ofKey = this.#versions.filter((pair) => pair.key === key)
    return ((which === 'first' ? ofKey[0] : ofKey.at(-1)) ?? UNKNOWN).engine
  }

  /** The oracle's id of a message that the engine shows; of one that the engine made, found by what it says. */
  idOf(stored: StoredMessage, model: Model): string {
    const known = this.#made.find(({ engine }) => engine === stored.id)
    if (known) return known.model
    const { messages } = model.state
    if (messages.some(({ queue, id }) => queue === stored.queue && id === stored.id)) return stored.id
    const made = messages.find(
      (each) => each.queue === stored.queue && this.#isFree(each.id) && saysTheSame(stored, each),
    )
    if (made) this.#made.push({ engine: stored.id, model: made.id })
    return made?.id ?? stored.id
  }

  #toModelChange(change: Change): Change {
    if ('token' in change) return { ...change, token: this.modelToken(change.token) }
    if (!('ifVersion' in change) || typeof change.ifVersion !== 'string') return change
    const key = recordKeyOf(change)
    const known = this.#versions.find((pair) => pair.key === key && pair.engine === change.ifVersion)
    return { ...change, ifVersion: (known ?? UNKNOWN).model }
  }

  #isFree(id: string): boolean {
    return id.startsWith('made-') && !this.#made.some(({ model }) => model === id)
  }
}

/** The key of the record that a change writes. */
export function recordKeyOf(change: Change): string | null {
  if (change.do === 'configure') return settingsKey(change.queue)
  if (change.do === 'retain') return topicKey(change.topic)
  if (change.do === 'bind') return subscriptionKey(change.subscription.topic, change.subscription.name)
  return change.do === 'put' || change.do === 'remove' ? change.key : null
}

const COMPARED = ['id', 'queue', 'state', 'reason', 'acquired', 'failed', 'sentAt', 'endedAt']

function saysTheSame(engine: StoredMessage, model: StoredMessage): boolean {
  if (engine.message.event.type !== model.message.event.type) return false
  const expected = fromJsonBytes(model.message.body) as Record<string, unknown> | null
  const shown = fromJsonBytes(engine.message.body) as Record<string, unknown> | null
  return expected === null || COMPARED.every((field) => shown?.[field] === expected[field])
}
