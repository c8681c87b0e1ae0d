/**
 * What a run does to its own process: how late the event loop ran, how long garbage collection took, CPU and memory.
 * The loop's own share is told apart from garbage collection, because only the first can be mended in the code.
 */
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { scheduler } from 'node:timers/promises'
import { round } from './measure.ts'

/** The loop is probed every so often; what is reported is the time beyond it. */
const PROBE_MS = 1
/** Gaps below this are not looked at one by one. */
const NOTABLE_MS = 2

export interface Observed {
  readonly loop: {
    readonly p999: number
    readonly max: number
    /** The longest gap less the garbage collection within it: own work, or a wait for a processor. */
    readonly maxBesideGc: number
  }
  readonly gc: { readonly max: number; readonly total: number; readonly count: number }
  readonly cpuMs: number
  readonly rssMb: number
}

interface Span {
  readonly start: number
  readonly end: number
}

export class Observer {
  readonly #delay = monitorEventLoopDelay({ resolution: PROBE_MS })
  readonly #collections: Span[] = []
  readonly #gaps: Span[] = []
  readonly #gc = new PerformanceObserver((list) => this.#collected(list.getEntries()))
  readonly #probe: NodeJS.Timeout
  readonly #cpu = process.cpuUsage()
  #probedAt = performance.now()

  constructor() {
    this.#gc.observe({ entryTypes: ['gc'] })
    this.#delay.enable()
    this.#probe = setInterval(() => this.#probed(), PROBE_MS)
  }

  async end(): Promise<Observed> {
    const { user, system } = process.cpuUsage(this.#cpu)
    const rss = process.memoryUsage.rss()
    this.#delay.disable()
    clearInterval(this.#probe)
    this.#probed()
    // Collections are told a turn later.
    await scheduler.yield()
    this.#collected(this.#gc.takeRecords())
    this.#gc.disconnect()
    const pauses = this.#collections.map(({ start, end }) => end - start)
    return {
      loop: {
        p999: beyondProbe(this.#delay.percentile(99.9)),
        // The histogram knows nothing of what comes before its first sample and after its last.
        max: Math.max(beyondProbe(this.#delay.max), round(Math.max(0, ...this.#gaps.map(length)))),
        maxBesideGc: round(Math.max(0, ...this.#gaps.map((gap) => length(gap) - this.#collectedWithin(gap)))),
      },
      gc: {
        max: round(Math.max(0, ...pauses)),
        total: round(pauses.reduce((sum, ms) => sum + ms, 0)),
        count: pauses.length,
      },
      cpuMs: round((user + system) / 1000),
      rssMb: round(rss / 1e6),
    }
  }

  #probed(): void {
    const now = performance.now()
    if (now - this.#probedAt > NOTABLE_MS + PROBE_MS) this.#gaps.push({ start: this.#probedAt, end: now - PROBE_MS })
    this.#probedAt = now
  }

  #collected(entries: readonly { readonly startTime: number; readonly duration: number }[]): void {
    for (const { startTime, duration } of entries)
      this.#collections.push({ start: startTime, end: startTime + duration })
  }

  #collectedWithin(gap: Span): number {
    return this.#collections.reduce(
      (sum, each) => sum + Math.max(0, Math.min(gap.end, each.end) - Math.max(gap.start, each.start)),
      0,
    )
  }
}

const length = ({ start, end }: Span): number => end - start
// A histogram without a sample has a maximum of 0 and a percentile of 0.
const beyondProbe = (nanoseconds: number): number => round(Math.max(0, nanoseconds / 1e6 - PROBE_MS))
