/** Who waits for a frame to become durable: answers in the order of the frames, each given when its level is reached. */
import type { Durability } from '../../core/engine.ts'
import type { Store } from './store.ts'

interface Waiter {
  readonly frame: number
  readonly give: () => void
  readonly refuse: (error: Error) => void
}

export class Waiters {
  readonly #store: Store
  readonly #lists = new Map<Durability, Waiter[]>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The answer, as soon as the frame has reached the level. */
  answer<T>(level: Durability, frame: number, value: T | Promise<T>): Promise<T> {
    if (frame === 0 || this.#store.reached(level) >= frame) return Promise.resolve(value)
    return new Promise<T>((resolve, reject) => {
      let list = this.#lists.get(level)
      if (list === undefined) this.#lists.set(level, (list = []))
      list.push({ frame, give: () => resolve(value), refuse: reject })
      // A read that fails while it waits is told when its turn comes.
      if (value instanceof Promise) value.catch(() => {})
    })
  }

  reached(level: Durability, frame: number): void {
    const list = this.#lists.get(level)
    if (list === undefined) return
    let count = 0
    while (count < list.length && list[count]!.frame <= frame) list[count++]!.give()
    if (count > 0) list.splice(0, count)
  }

  failed(error: Error): void {
    const lists = [...this.#lists.values()]
    this.#lists.clear()
    for (const list of lists) for (const { refuse } of list) refuse(error)
  }
}
