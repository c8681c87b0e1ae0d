/** What watchers may want to know of a fold: gathered while it decides, told when it is durable. Each thing once, however much happened to it. */
import type { Hint } from '../../../core/engine.ts'

export type Notice = readonly [kind: 'queue' | 'key' | 'topic' | 'cancel', name: string, token: string]

export class Notices {
  #notices = new Map<string, Notice>()
  #before = 0
  #lastQueue: string | null = null

  queue(name: string): void {
    // Most of a fold are of one queue, one after another.
    if (name === this.#lastQueue) return
    this.#lastQueue = name
    const key = `queue ${name}`
    if (!this.#notices.has(key)) this.#notices.set(key, ['queue', name, ''])
  }

  key(name: string): void {
    this.#notices.set(`key ${name}`, ['key', name, ''])
  }

  topic(name: string): void {
    this.#notices.set(`topic ${name}`, ['topic', name, ''])
  }

  cancel(queue: string, token: string): void {
    this.#notices.set(`cancel ${token}`, ['cancel', queue, token])
  }

  hold(): void {
    this.#before = this.#notices.size
  }

  restore(): void {
    this.#lastQueue = null
    for (const key of [...this.#notices.keys()].slice(this.#before)) this.#notices.delete(key)
  }

  take(): readonly Notice[] {
    if (this.#notices.size === 0) return []
    const notices = [...this.#notices.values()]
    this.#notices = new Map()
    this.#lastQueue = null
    return notices
  }
}

export function toHint([kind, name, token]: Notice): Hint {
  return kind === 'queue'
    ? { queue: name }
    : kind === 'key'
      ? { key: name }
      : kind === 'topic'
        ? { topic: name }
        : { cancel: token }
}
