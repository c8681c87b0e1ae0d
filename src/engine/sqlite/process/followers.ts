/** Those who follow what happens to messages. The host writes it down from when the first has come until the last has gone. */
import type { Happening } from '../../../core/engine.ts'

type Follower = (happenings: readonly Happening[]) => void

export class Followers {
  readonly #followers = new Set<Follower>()
  readonly #switch: (isOn: boolean) => void

  constructor(turn: (isOn: boolean) => void) {
    this.#switch = turn
  }

  follow(listener: Follower): Disposable {
    // A listener of its own, so that one function given twice is two followers.
    const follower: Follower = (happenings) => listener(happenings)
    if (this.#followers.size === 0) this.#switch(true)
    this.#followers.add(follower)
    return {
      [Symbol.dispose]: () => {
        if (this.#followers.delete(follower) && this.#followers.size === 0) this.#switch(false)
      },
    }
  }

  tell(happenings: readonly string[]): void {
    if (happenings.length === 0 || this.#followers.size === 0) return
    const told = happenings.map((happening) => JSON.parse(happening) as Happening)
    for (const follower of this.#followers) follower(told)
  }
}
