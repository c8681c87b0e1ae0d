/**
 * How far long work is, on standard error: a bar that is drawn anew where that is a terminal, else a line now and then. Work that is
 * done in a moment shows nothing, and with --json nothing is shown at all.
 */
import type { Clock } from '../core/clock.ts'
import { formatCount, formatSpan } from './format.ts'
import type { Terminal } from './terminal.ts'

export interface Step {
  /** So far; of what, where that is known. */
  readonly done: number
  readonly total?: number | undefined
  /** What is counted: `messages`. Default: nothing is said of the count but the share. */
  readonly unit?: string | undefined
  /** In place of the count: `450,000 moved`. */
  readonly note?: string | undefined
}

export interface Progress extends Disposable {
  /** Call it as often as you like. */
  at(step: Step): void
  /** Takes the bar away. What comes of the work is told by who did it. */
  [Symbol.dispose](): void
}

export interface ProgressDeps {
  readonly terminal: Terminal
  readonly clock: Clock
  /** `purging inbox` */
  readonly doing: string
  /** Shows nothing: the output is for programs. */
  readonly quiet?: boolean | undefined
}

const AFTER_MS = 500
const DRAW_MS = 100
const LINE_MS = 10_000
const BAR = 24
const PARTS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
/** From the start of the line, and what was there is cleared. */
const ANEW = '\r\u001B[K'

export function createProgress({ terminal, clock, doing, quiet = false }: ProgressDeps): Progress {
  const startMs = clock.monotonicMs()
  const everyMs = terminal.errColumns === null ? LINE_MS : DRAW_MS
  let nextMs = startMs + (terminal.errColumns === null ? LINE_MS : AFTER_MS)
  let isDrawn = false
  return {
    at(step) {
      const nowMs = clock.monotonicMs()
      if (quiet || nowMs < nextMs) return
      nextMs = nowMs + everyMs
      if (terminal.errColumns === null) return terminal.err(`${doing}: ${describe(step, nowMs - startMs)}`)
      isDrawn = true
      const line = `${doing} ${bar(step)}${describe(step, nowMs - startMs)}`
      terminal.errWrite(ANEW + line.slice(0, terminal.errColumns - 1))
    },
    [Symbol.dispose]() {
      if (isDrawn) terminal.errWrite(ANEW)
      isDrawn = false
    },
  }
}

function bar({ done, total }: Step): string {
  if (total === undefined || total <= 0) return ''
  const eighths = Math.round(Math.min(1, done / total) * BAR * 8)
  const full = '█'.repeat(Math.floor(eighths / 8)) + (PARTS[eighths % 8] ?? '')
  return `${full.padEnd(BAR, '░')} `
}

/** `45 % · 450,000 of 1,000,000 messages · 12,300/s · 44 s left` */
function describe({ done, total, unit, note }: Step, tookMs: number): string {
  const perSecond = done / Math.max(0.001, tookMs / 1_000)
  const isKnown = total !== undefined && total > 0
  const told = [
    ...(isKnown ? [`${Math.floor(Math.min(1, done / total) * 100)} %`] : []),
    ...(unit === undefined
      ? []
      : [
          `${formatCount(done)}${isKnown ? ` of ${formatCount(total)}` : ''} ${unit}`,
          `${formatCount(Math.round(perSecond))}/s`,
        ]),
    ...(note === undefined ? [] : [note]),
    ...(isKnown && done > 0 && done < total ? [`${formatSpan((tookMs / done) * (total - done))} left`] : []),
  ]
  return told.join(' · ')
}
