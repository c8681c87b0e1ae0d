/** Who reads which subscription as a stream in this process: one at a time, and what each has not acknowledged yet. */
import { PosthornError } from '../../core/error.ts'
import { Window, type WindowDeps } from './window.ts'

/** Holds a subscription for one stream. */
export interface Reading extends AsyncDisposable {
  /** Aborts when the stream is to end: another has taken over, its client has gone, or the server ends. */
  readonly signal: AbortSignal
  /** Its client has gone. One that comes back at once waits for what is still under way, as one that takes over does. */
  readonly end: () => void
  /** Shared with who read before and who will: for readers that acknowledge by coming back. */
  readonly window: () => Window
}

export class Readers {
  readonly #deps: WindowDeps
  readonly #ending: AbortSignal
  readonly #readers = new Map<string, { readonly end: AbortController; readonly left: Promise<void> }>()
  readonly #windows = new Map<string, Window>()

  /** @param ending aborts when all streams are to end */
  constructor(deps: WindowDeps, ending: AbortSignal) {
    this.#deps = deps
    this.#ending = ending
    ending.addEventListener('abort', () => {
      for (const window of this.#windows.values()) void window.close()
    })
  }

  /** @throws PosthornError `stream-in-use` */
  async take(queue: string, takeover: boolean): Promise<Reading> {
    for (let reader = this.#readers.get(queue); reader !== undefined; reader = this.#readers.get(queue)) {
      if (!takeover && !reader.end.signal.aborted)
        throw new PosthornError(
          'stream-in-use',
          `'${queue}' is being read by another stream: ?takeover=true ends that one`,
          { details: { queue } },
        )
      reader.end.abort()
      await reader.left
    }
    const end = new AbortController()
    const left = Promise.withResolvers<void>()
    const reader = { end, left: left.promise }
    this.#readers.set(queue, reader)
    return {
      signal: AbortSignal.any([end.signal, this.#ending]),
      end: () => end.abort(),
      window: () => this.#windowOf(queue),
      [Symbol.asyncDispose]: async () => {
        if (this.#readers.get(queue) === reader) this.#readers.delete(queue)
        const window = this.#windows.get(queue)
        if (this.#ending.aborted) await window?.close()
        else window?.leave()
        left.resolve()
      },
    }
  }

  #windowOf(queue: string): Window {
    for (const [name, window] of this.#windows) if (window.closed) this.#windows.delete(name)
    let window = this.#windows.get(queue)
    if (window === undefined) this.#windows.set(queue, (window = new Window(this.#deps)))
    window.enter()
    return window
  }
}
