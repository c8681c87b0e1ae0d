/** Hints to those who watch queues, keys and topics: given in a microtask, one per thing however much happened to it, after it is durable. */
import type { Hint, Interest } from '../../../core/engine.ts'

/** What a unit of work has to tell. Of a token it says as well in which queue it is. */
export type Notice = Exclude<Hint, { readonly cancel: string }> | { readonly cancel: string; readonly of: string }

type Listener = (hint: Hint) => void

export class Watchers {
  /** Told of every queue of which something was heard. */
  readonly #stirred: (queue: string) => void
  readonly #listeners = new Map<string, Set<Listener>>()
  #pending = new Map<string, Hint>()
  /** Keys that somebody watches, as often as they are. */
  #keys = 0

  constructor(stirred: (queue: string) => void) {
    this.#stirred = stirred
  }

  watch(interest: Interest, hint: Listener): Disposable {
    // A listener of its own, so that one function given twice is two watchers.
    const listener: Listener = (each) => hint(each)
    const names = [
      ...(interest.queues ?? []).map((name) => `queue ${name}`),
      ...(interest.keys ?? []).map((name) => `key ${name}`),
      ...(interest.topics ?? []).map((name) => `topic ${name}`),
    ]
    const keys = interest.keys?.length ?? 0
    this.#keys += keys
    for (const name of names) {
      const known = this.#listeners.get(name)
      if (known === undefined) this.#listeners.set(name, new Set([listener]))
      else known.add(listener)
    }
    let isOver = false
    return {
      [Symbol.dispose]: () => {
        if (!isOver) this.#keys -= keys
        isOver = true
        for (const name of names) {
          const known = this.#listeners.get(name)
          known?.delete(listener)
          if (known?.size === 0) this.#listeners.delete(name)
        }
      },
    }
  }

  /** Names of what is watched of a kind. */
  watched(kind: 'queue' | 'key' | 'topic'): string[] {
    return [...this.#listeners.keys()].flatMap((name) =>
      name.startsWith(`${kind} `) ? [name.slice(kind.length + 1)] : [],
    )
  }

  /** Somebody watches a key. */
  get hasKeys(): boolean {
    return this.#keys > 0
  }

  isWatched(queue: string): boolean {
    return this.#listeners.has(`queue ${queue}`)
  }

  /** Something waits for those here who watch the queue, and for nobody else. */
  wake(queue: string): void {
    this.#add(`queue ${queue}`, { queue })
  }

  give(notices: readonly Notice[]): void {
    for (const notice of notices) {
      if ('queue' in notice) this.#stirred(notice.queue)
      const name = nameOf(notice)
      if (!this.#listeners.has(name)) continue
      if ('cancel' in notice) this.#add(`${name} ${notice.cancel}`, { cancel: notice.cancel })
      else this.#add(name, notice)
    }
  }

  #add(key: string, hint: Hint): void {
    if (this.#pending.size === 0) queueMicrotask(() => this.#flush())
    this.#pending.set(key, hint)
  }

  #flush(): void {
    const pending = this.#pending
    this.#pending = new Map()
    for (const [key, hint] of pending) {
      const name = 'cancel' in hint ? key.slice(0, key.lastIndexOf(' ')) : key
      for (const listener of this.#listeners.get(name) ?? []) listener(hint)
    }
  }
}

function nameOf(notice: Notice): string {
  if ('queue' in notice) return `queue ${notice.queue}`
  if ('key' in notice) return `key ${notice.key}`
  return 'topic' in notice ? `topic ${notice.topic}` : `queue ${notice.of}`
}
