/** Hints to those who watch queues, keys and topics: given in a microtask, one per thing however much happened to it, after it is durable. */
import type { Hint, Interest } from '../../../core/engine.ts'
import { channelOfQueue, KEYS, TOPICS } from './channel.ts'

/** What a unit of work has to tell. Of a token it says as well in which queue it is. */
export type Notice = Exclude<Hint, { readonly cancel: string }> | { readonly cancel: string; readonly of: string }

type Listener = (hint: Hint) => void

export class Watchers {
  /** Told of every queue of which something was heard. */
  readonly #stirred: (queue: string) => void
  /** Told that something is watched of which others tell over a channel of which nothing was. */
  readonly #attend: () => void
  readonly #listeners = new Map<string, Set<Listener>>()
  #pending = new Map<string, Hint>()
  /** How many things are watched of each channel. */
  readonly #channels = new Map<string, number>()

  constructor(stirred: (queue: string) => void, attend: () => void = () => {}) {
    this.#stirred = stirred
    this.#attend = attend
  }

  watch(interest: Interest, hint: Listener): Disposable {
    // A listener of its own, so that one function given twice is two watchers.
    const listener: Listener = (each) => hint(each)
    const names = [
      ...(interest.queues ?? []).map((name) => `queue ${name}`),
      ...(interest.keys ?? []).map((name) => `key ${name}`),
      ...(interest.topics ?? []).map((name) => `topic ${name}`),
    ]
    const before = this.#channels.size
    for (const name of names) this.#enlist(name, listener)
    if (this.#channels.size > before) this.#attend()
    return {
      [Symbol.dispose]: () => {
        for (const name of names) this.#dismiss(name, listener)
      },
    }
  }

  #enlist(name: string, listener: Listener): void {
    const known = this.#listeners.get(name)
    if (known !== undefined) {
      known.add(listener)
      return
    }
    this.#listeners.set(name, new Set([listener]))
    const channel = channelOfName(name)
    this.#channels.set(channel, (this.#channels.get(channel) ?? 0) + 1)
  }

  #dismiss(name: string, listener: Listener): void {
    const known = this.#listeners.get(name)
    known?.delete(listener)
    if (known?.size !== 0) return
    this.#listeners.delete(name)
    const channel = channelOfName(name)
    const left = this.#channels.get(channel)! - 1
    if (left === 0) this.#channels.delete(channel)
    else this.#channels.set(channel, left)
  }

  /** Names of what is watched of a kind. */
  watched(kind: 'queue' | 'key' | 'topic'): string[] {
    return [...this.#listeners.keys()].flatMap((name) =>
      name.startsWith(`${kind} `) ? [name.slice(kind.length + 1)] : [],
    )
  }

  /** Somebody watches a key. */
  get hasKeys(): boolean {
    return this.watchesOf(KEYS)
  }

  /** Channels over which others tell what is watched here. */
  get channels(): ReadonlySet<string> {
    return new Set(this.#channels.keys())
  }

  watchesOf(channel: string): boolean {
    return this.#channels.has(channel)
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

function channelOfName(name: string): string {
  const [kind, rest] = [name.slice(0, name.indexOf(' ')), name.slice(name.indexOf(' ') + 1)]
  return kind === 'queue' ? channelOfQueue(rest) : kind === 'key' ? KEYS : TOPICS
}

function nameOf(notice: Notice): string {
  if ('queue' in notice) return `queue ${notice.queue}`
  if ('key' in notice) return `key ${notice.key}`
  return 'topic' in notice ? `topic ${notice.topic}` : `queue ${notice.of}`
}
