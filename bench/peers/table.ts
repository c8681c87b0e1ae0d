/** The table of one mode: medians of the rounds, and how Posthorn stands to each peer. */
import { median } from '../measure.ts'
import type { Mode } from '../option.ts'

/** What a round prints, as far as the table needs it. */
export interface Round {
  readonly contestant: string
  readonly version: string
  readonly durability: string
  readonly rate: number
  readonly p50: number | null
  readonly p99: number | null
}

interface Row {
  readonly name: string
  readonly durability: string
  readonly rate: number
  readonly slowest: number
  readonly fastest: number
  readonly p50: number | null
  readonly p99: number | null
}

const HEADERS: Readonly<Record<Mode, string>> = {
  send: 'send: callers that wait for their confirmation',
  drain: 'drain: a full queue, each message acked by itself',
  flow: 'flow: callers and handlers at once; times are from send to start',
  latency: 'latency: an even rate; times are from send to start',
}

export function describeMode(mode: Mode): string {
  return HEADERS[mode]
}

/** In Markdown. Ratios are Posthorn's figure by the peer's. */
export function toTable(mode: Mode, rounds: readonly Round[]): string {
  const rows = [...Map.groupBy(rounds, ({ contestant }) => contestant).values()].map(toRow)
  const own = rows.find(({ name }) => name.startsWith('posthorn'))
  const header =
    mode === 'latency'
      ? ['', 'p50 ms', 'p99 ms', 'Posthorn p50', 'Posthorn p99', 'durability']
      : ['', 'messages/s', 'slowest to fastest', 'Posthorn', 'p50 ms', 'p99 ms', 'durability']
  const cells = rows.map((row) =>
    mode === 'latency'
      ? [row.name, time(row.p50), time(row.p99), ratio(own?.p50, row.p50), ratio(own?.p99, row.p99), row.durability]
      : [
          row.name,
          thousands(row.rate),
          `${thousands(row.slowest)} to ${thousands(row.fastest)}`,
          ratio(own?.rate, row.rate),
          time(row.p50),
          time(row.p99),
          row.durability,
        ],
  )
  return lines([header, ...cells])
}

function toRow(rounds: readonly Round[]): Row {
  const { contestant, version, durability } = rounds[0]!
  const rates = rounds.map(({ rate }) => rate)
  return {
    name: `${contestant} ${version}`,
    durability,
    rate: median(rates),
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
    p50: medianOf(rounds.map(({ p50 }) => p50)),
    p99: medianOf(rounds.map(({ p99 }) => p99)),
  }
}

function medianOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : median(known)
}

function lines(table: readonly (readonly string[])[]): string {
  const widths = table[0]!.map((_, column) => Math.max(3, ...table.map((row) => row[column]!.length)))
  const isFigure = (column: number) => column > 0 && column < widths.length - 1
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (isFigure(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join(' | ')} |`
  const rule = widths.map((width, i) => (isFigure(i) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return [line(table[0]!), line(rule), ...table.slice(1).map(line)].join('\n')
}

const thousands = (rate: number): string => Math.round(rate).toLocaleString('en')
const time = (ms: number | null): string => (ms === null ? '' : ms.toFixed(2))
const ratio = (own: number | null | undefined, peer: number | null): string =>
  own == null || peer === null || peer === 0 ? '' : `${(own / peer).toFixed(2)}x`
