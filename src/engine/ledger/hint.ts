/**
 * Hints to those who watch queues, keys and topics: given in a microtask, one per thing however much happened to it, and never before
 * what they hint at is durable.
 */
import type { Hint, Interest } from '../../core/engine.ts'
import type { Notices } from './decide/desk.ts'

type Listener = (hint: Hint) => void
type Kind = 'queue' | 'key' | 'topic'

export class Watchers implements Notices {
  readonly #listeners: Record<Kind, Map<string, Set<Listener>>> = { queue: new Map(), key: new Map(), topic: new Map() }
  /** What to hint at as soon as it is durable, and the frame that must be. */
  #undurable: { readonly frame: number; readonly kind: Kind; readonly name: string; readonly hint: Hint }[] = []
  #pending = new Map<string, { readonly kind: Kind; readonly name: string; readonly hint: Hint }>()
  /** Queues with a hint among the pending: each message that becomes ready asks. */
  readonly #ready = new Set<string>()
  #isScheduled = false
  readonly #openFrame: () => number

  /** `openFrame`: the frame in which what happens now will be, or 0 where nothing needs to be durable. */
  constructor(openFrame: () => number) {
    this.#openFrame = openFrame
  }

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

  /** How many watch the queue. */
  watching(queue: string): number {
    return this.#listeners.queue.get(queue)?.size ?? 0
  }

  /** Something of the queue may be handed out. What is ready is durable. */
  ready(queue: string): void {
    if (this.#ready.has(queue) || !this.#listeners.queue.has(queue)) return
    this.#ready.add(queue)
    this.#give('queue', queue, { queue })
  }

  key(key: string): void {
    this.#later('key', key, { key })
  }

  topic(topic: string): void {
    this.#later('topic', topic, { topic })
  }

  cancel(queue: string, token: string): void {
    this.#later('queue', queue, { cancel: token })
  }

  /** Whether somebody waits to hear of the record. */
  watchesKey(key: string): boolean {
    return this.#listeners.key.has(key)
  }

  /** Everything up to this frame is durable. */
  reached(frame: number): void {
    if (this.#undurable.length === 0) return
    const due = this.#undurable.filter((each) => each.frame <= frame)
    this.#undurable = this.#undurable.filter((each) => each.frame > frame)
    for (const { kind, name, hint } of due) this.#give(kind, name, hint)
  }

  #later(kind: Kind, name: string, hint: Hint): void {
    if (!this.#listeners[kind].has(name)) return
    const frame = this.#openFrame()
    if (frame === 0) this.#give(kind, name, hint)
    else this.#undurable.push({ frame, kind, name, hint })
  }

  #give(kind: Kind, name: string, hint: Hint): void {
    this.#pending.set('cancel' in hint ? `cancel ${hint.cancel}` : `${kind} ${name}`, { kind, name, hint })
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    const pending = this.#pending
    this.#pending = new Map()
    this.#ready.clear()
    this.#isScheduled = false
    for (const { kind, name, hint } of pending.values()) {
      for (const listener of this.#listeners[kind].get(name) ?? []) listener(hint)
    }
  }

  #add(kind: Kind, name: string, listener: Listener): void {
    const listeners = this.#listeners[kind]
    const known = listeners.get(name)
    if (known === undefined) listeners.set(name, new Set([listener]))
    else known.add(listener)
  }

  #remove(kind: Kind, name: string, listener: Listener): void {
    const known = this.#listeners[kind].get(name)
    known?.delete(listener)
    if (known?.size === 0) this.#listeners[kind].delete(name)
  }
}
