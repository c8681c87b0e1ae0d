/** Sources that a server may be asked for by name, while something listens to them or exports them. */
import { PosthornError } from '../core/error.ts'
import type { Mount, SourceDefinition } from './contract.ts'

export class Mounts {
  readonly #mounted = new Map<string, { readonly source: SourceDefinition; users: number }>()

  find(name: string): Mount | null {
    return this.#mounted.get(name)?.source.mount ?? null
  }

  /** Disposing takes it away again. @throws PosthornError `invalid-option` where another source has the name */
  add(source: SourceDefinition): Disposable {
    const { name, mount } = source
    if (mount === null) return { [Symbol.dispose]: () => {} }
    const known = this.#mounted.get(name)
    if (known !== undefined && known.source.hub !== source.hub)
      throw new PosthornError('invalid-option', `two sources have the name '${name}': requests for it have one place`, {
        details: { source: name },
      })
    const entry = known ?? { source, users: 0 }
    entry.users++
    this.#mounted.set(name, entry)
    let isIn = true
    return {
      [Symbol.dispose]: () => {
        if (isIn && --entry.users === 0) this.#mounted.delete(name)
        isIn = false
      },
    }
  }
}
