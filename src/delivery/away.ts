/** An engine that does not answer: told once when it goes and once when it is back, and how long to wait before the next try. */
import { backoffMs, type Backoff } from '../core/backoff.ts'
import type { Clock } from '../core/clock.ts'
import { describeError } from '../core/error.ts'
import type { Random } from '../core/id.ts'
import type { Log } from '../runtime/log.ts'
import type { Telemetry, TelemetryEvents } from '../runtime/telemetry.ts'

const BACKOFF: Backoff = { kind: 'exponential', baseMs: 100, capMs: 5_000, factor: 2, jitter: 'full' }
const SHORTEST_MS = 20

export interface AwayDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly telemetry: Telemetry
}

/** One for each thing that is asked of the engine, so that an answer to one does not hide the silence of another. */
export class Away {
  readonly #deps: AwayDeps
  readonly #doing: TelemetryEvents['away']['doing']
  #failures = 0
  #sinceMs = 0

  constructor(deps: AwayDeps, doing: TelemetryEvents['away']['doing']) {
    this.#deps = deps
    this.#doing = doing
  }

  get isAway(): boolean {
    return this.#failures > 0
  }

  /** Milliseconds to wait before the next try. */
  failed(error: unknown): number {
    const { clock, random, log, telemetry } = this.#deps
    this.#failures++
    const retryInMs = Math.max(SHORTEST_MS, backoffMs(BACKOFF, this.#failures, null, random))
    if (this.#failures === 1) {
      this.#sinceMs = clock.monotonicMs()
      log.error(`the engine does not answer (${this.#doing}); trying again until it does`, {
        error: describeError(error).message,
      })
    }
    if (telemetry.wants('away'))
      telemetry.emit('away', { doing: this.#doing, error, failures: this.#failures, retryInMs })
    return retryInMs
  }

  answered(): void {
    if (this.#failures === 0) return
    const { clock, log, telemetry } = this.#deps
    const awayMs = clock.monotonicMs() - this.#sinceMs
    this.#failures = 0
    log.info(`the engine answers again (${this.#doing})`, { awayMs })
    if (telemetry.wants('back')) telemetry.emit('back', { doing: this.#doing, awayMs })
  }
}
