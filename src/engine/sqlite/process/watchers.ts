/** Hints to those who watch queues, keys and topics. What they hint at is committed. */
import type { Hint, Interest } from '../../../core/engine.ts'
import { toHint, type Notice } from '../state/notices.ts'

type Listener = (hint: Hint) => void
type Kind = 'queue' | 'key' | 'topic'

export class Watchers {
  readonly #listeners: Record<Kind, Map<string, Set<Listener>>> = { queue: new Map(), key: new Map(), topic: new Map() }

  watch(interest: Interest, hint: Listener): Disposable {
    // A listener of its own, so that one function given twice is two watchers.
    const listener: Listener = (each) => hint(each)
    const names: readonly [Kind, string][] = [
      ...(interest.queues ?? []).map((name) => ['queue', name] as [Kind, string]),
      ...(interest.keys ?? []).map((name) => ['key', name] as [Kind, string]),
      ...(interest.topics ?? []).map((name) => ['topic', name] as [Kind, string]),
    ]
    for (const [kind, name] of names) this.#add(kind, name, listener)
    return {
      [Symbol.dispose]: () => {
        for (const [kind, name] of names) this.#remove(kind, name, listener)
      },
    }
  }

  tell(notices: readonly Notice[]): void {
    for (const notice of notices) {
      const [kind, name] = notice
      const listeners = this.#listeners[kind === 'cancel' ? 'queue' : kind].get(name)
      if (listeners !== undefined) for (const listener of listeners) listener(toHint(notice))
    }
  }

  #add(kind: Kind, name: string, listener: Listener): void {
    const known = this.#listeners[kind].get(name)
    if (known === undefined) this.#listeners[kind].set(name, new Set([listener]))
    else known.add(listener)
  }

  #remove(kind: Kind, name: string, listener: Listener): void {
    const known = this.#listeners[kind].get(name)
    known?.delete(listener)
    if (known?.size === 0) this.#listeners[kind].delete(name)
  }
}
