/** What the author of an engine gives the kit: how to make a place to store things, open it, and what can befall it. */
import type { Clock } from '../core/clock.ts'
import type { Engine } from '../core/engine.ts'

export interface Subject {
  readonly name: string
  /** A new, empty place to keep things in: a folder, a simulated disk, a schema of a database. */
  create(): Storage | Promise<Storage>
}

export interface Storage {
  /** Opens an engine on what is kept here. It must take its time from `clock` alone. */
  open(options: { readonly clock: Clock }): Promise<Engine>
  /**
   * What can befall it; one that is left out is not offered. Afterwards the engines that were open here are gone and
   * answer nobody; `open` finds what is left.
   */
  readonly faults: {
    /** The process dies at once. What it had handed to the operating system stays. */
    readonly kill?: (() => void | Promise<void>) | undefined
    /** The machine dies at once. What was not synced may be gone; `luck` says what of it, the same number the same. */
    readonly powerCut?: ((luck: number) => void | Promise<void>) | undefined
  }
  /** Begins a transaction of the user's on the database in which this is kept, at once holding what locks it needs to write. */
  readonly transaction?: (() => Promise<UserTransaction>) | undefined
  /** Frees what it used. */
  remove?(): void | Promise<void>
}

export interface UserTransaction {
  /** What an engine's `join` takes. */
  readonly transaction: unknown
  readonly commit: () => Promise<void>
  readonly rollback: () => Promise<void>
}

/** How an engine is left before it is opened again. */
export type Leaving = 'close' | 'kill' | 'power-cut'

/** The engine with all its hints lost: everything must work without them. */
export function withoutHints(engine: Engine): Engine {
  const deaf = { [Symbol.dispose]: () => undefined }
  return new Proxy(engine, {
    get(target, name) {
      if (name === 'watch') return () => deaf
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** Leaves the engine in the given way; false where the storage cannot be left so. */
export async function leave(storage: Storage, engine: Engine, how: Leaving, luck = 0): Promise<boolean> {
  if (how === 'close') await engine.close()
  else if (how === 'kill') await storage.faults.kill?.()
  else await storage.faults.powerCut?.(luck)
  return how === 'close' || storage.faults[how === 'kill' ? 'kill' : 'powerCut'] !== undefined
}
