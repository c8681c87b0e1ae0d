/**
 * What a run does to its own process: how late the event loop ran, how long garbage collection took, CPU and memory.
 * The loop's own share is told apart from garbage collection, and from waiting for a processor that others have, because only the first can
 * be mended in the code.
 */
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { scheduler } from 'node:timers/promises'
import { round } from './measure.ts'
import { ThreadTime } from './thread-time.ts'

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
    /** The longest gap less both: own work and waits within system calls. null where the system does not tell. */
    readonly maxOwn: number | null
    /** The most processor time of the thread in one gap, less the collection within it: own work. null as above. */
    readonly maxOwnCpu: number | null
  }
  readonly gc: { readonly max: number; readonly total: number; readonly count: number }
  /** Of the whole process, and of the thread that JavaScript runs in alone. */
  readonly cpuMs: number
  readonly threadCpuMs: number
  readonly rssMb: number
}

interface Span {
  readonly start: number
  readonly end: number
}

interface Gap extends Span {
  readonly runMs: number
  readonly waitMs: number
}

export class Observer {
  readonly #delay = monitorEventLoopDelay({ resolution: PROBE_MS })
  readonly #collections: Span[] = []
  readonly #gaps: Gap[] = []
  readonly #thread = ThreadTime.open()
  readonly #gc = new PerformanceObserver((list) => this.#collected(list.getEntries()))
  readonly #probe: NodeJS.Timeout
  readonly #cpu = process.cpuUsage()
  readonly #threadCpu = process.threadCpuUsage()
  #probedAt = performance.now()
  #thenAt = this.#thread?.now()

  constructor() {
    this.#gc.observe({ entryTypes: ['gc'] })
    this.#delay.enable()
    this.#probe = setInterval(() => this.#probed(), PROBE_MS)
  }

  async end(): Promise<Observed> {
    const cpuMs = milliseconds(process.cpuUsage(this.#cpu))
    const threadCpuMs = milliseconds(process.threadCpuUsage(this.#threadCpu))
    const rss = process.memoryUsage.rss()
    this.#delay.disable()
    clearInterval(this.#probe)
    this.#probed()
    // Collections are told a turn later.
    await scheduler.yield()
    this.#collected(this.#gc.takeRecords())
    this.#gc.disconnect()
    this.#thread?.close()
    const pauses = this.#collections.map(({ start, end }) => end - start)
    return {
      loop: {
        p999: beyondProbe(this.#delay.percentile(99.9)),
        // The histogram knows nothing of what comes before its first sample and after its last.
        max: Math.max(beyondProbe(this.#delay.max), round(Math.max(0, ...this.#gaps.map(length)))),
        maxBesideGc: this.#longest(length),
        maxOwn: this.#thread === null ? null : this.#longest((gap) => length(gap) - gap.waitMs),
        maxOwnCpu: this.#thread === null ? null : this.#longest(({ runMs }) => runMs),
      },
      gc: {
        max: round(Math.max(0, ...pauses)),
        total: round(pauses.reduce((sum, ms) => sum + ms, 0)),
        count: pauses.length,
      },
      cpuMs,
      threadCpuMs,
      rssMb: round(rss / 1e6),
    }
  }

  #probed(): void {
    const now = performance.now()
    const then = this.#thenAt
    this.#thenAt = this.#thread?.now()
    if (now - this.#probedAt > NOTABLE_MS + PROBE_MS) {
      const runMs = (this.#thenAt?.runMs ?? 0) - (then?.runMs ?? 0)
      const waitMs = (this.#thenAt?.waitMs ?? 0) - (then?.waitMs ?? 0)
      this.#gaps.push({ start: this.#probedAt, end: now - PROBE_MS, runMs, waitMs })
    }
    this.#probedAt = now
  }

  #collected(entries: readonly { readonly startTime: number; readonly duration: number }[]): void {
    for (const { startTime, duration } of entries)
      this.#collections.push({ start: startTime, end: startTime + duration })
  }

  /** Of all gaps the longest, by what is given, less the garbage collection within. */
  #longest(of: (gap: Gap) => number): number {
    return round(Math.max(0, ...this.#gaps.map((gap) => of(gap) - this.#collectedWithin(gap))))
  }

  #collectedWithin(gap: Span): number {
    return this.#collections.reduce(
      (sum, each) => sum + Math.max(0, Math.min(gap.end, each.end) - Math.max(gap.start, each.start)),
      0,
    )
  }
}

const milliseconds = ({ user, system }: NodeJS.CpuUsage): number => round((user + system) / 1000)
const length = ({ start, end }: Span): number => end - start
// A histogram without a sample has a maximum of 0 and a percentile of 0.
const beyondProbe = (nanoseconds: number): number => round(Math.max(0, nanoseconds / 1e6 - PROBE_MS))
