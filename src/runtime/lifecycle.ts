/**
 * Start and stop, made safe once for every long-lived part: each may come before, during and after the other, and as often as
 * anybody likes. A stop before the first start is legal, a start after a stop begins anew.
 */
import type { Duration } from '../core/duration.ts'

export interface StopOptions {
  /** How long what is under way may run on. Default: `DEFAULTS.graceMs`. */
  readonly grace?: Duration | undefined
  /** Ends the grace at once when it aborts. */
  readonly signal?: AbortSignal | undefined
}

export interface Service extends AsyncDisposable {
  /** Resolves when it runs. */
  start(): Promise<void>
  /** Resolves when it has stopped. Calling it again while it stops can only shorten the grace. */
  stop(options?: StopOptions): Promise<void>
}

export type LifecycleState = 'new' | 'running' | 'stopping' | 'stopped'

/** What a part does to begin and to end. `begin` and `end` never overlap and strictly alternate. */
export interface LifecycleSteps {
  begin(): void | Promise<void>
  end(options: StopOptions): void | Promise<void>
  /** Another stop came while `end` was under way. */
  hurry?(options: StopOptions): void
}

export class Lifecycle {
  readonly #steps: LifecycleSteps
  #state: LifecycleState = 'new'
  #last: Promise<void> = Promise.resolve()
  /** The stops asked for since the last start: they are one stop, with the shortest grace of all. */
  #stops: StopOptions[] = []

  constructor(steps: LifecycleSteps) {
    this.#steps = steps
  }

  get state(): LifecycleState {
    return this.#state
  }

  start(): Promise<void> {
    this.#stops = []
    return this.#queue(async () => {
      if (this.#state === 'running') return
      await this.#steps.begin()
      this.#state = 'running'
    })
  }

  stop(options: StopOptions = {}): Promise<void> {
    const stops = this.#stops
    stops.push(options)
    if (this.#state === 'stopping') this.#steps.hurry?.(options)
    return this.#queue(() => this.#stop(options, stops))
  }

  async #stop(options: StopOptions, stops: readonly StopOptions[]): Promise<void> {
    if (this.#state !== 'running') {
      this.#state = 'stopped'
      return
    }
    this.#state = 'stopping'
    try {
      const ended = this.#steps.end(options)
      for (const other of stops) if (other !== options) this.#steps.hurry?.(other)
      await ended
    } finally {
      this.#state = 'stopped'
    }
  }

  #queue(step: () => Promise<void>): Promise<void> {
    const run = this.#last.then(step)
    // A step that fails tells its caller; what comes after it goes on.
    this.#last = run.catch(() => {})
    return run
  }
}
