/** What is printed of one work: medians of the rounds, ratios, and how they stand to what Posthorn is meant to reach. */
import { median } from '../measure.ts'
import type { Name } from './contestant.ts'
import type { Round } from './round.ts'
import type { WorkOn } from './work.ts'

interface Row {
  readonly name: Name
  readonly version: string
  readonly durability: string
  readonly rate: number
  readonly slowest: number
  readonly fastest: number
  readonly p50: number
  readonly p99: number
  readonly cpuMicros: number
  readonly serverCpuMicros: number | null
  readonly walBytes: number
}

export function toTable({ title, mode, bars }: WorkOn, rounds: readonly Round[]): string {
  const rows = [...Map.groupBy(rounds, ({ name }) => name).values()].map(toRow)
  const own = rows.find(({ name }) => name === 'posthorn')
  const ratio = (row: Row): number => {
    if (own === undefined) return Number.NaN
    return mode === 'latency' ? own.p50 / row.p50 : own.rate / row.rate
  }
  const header = ['', 'a second', 'slowest to fastest', 'posthorn', 'p50 ms', 'p99 ms', 'CPU us', 'server', 'WAL bytes']
  const cells = rows.map((row) => [
    row.name,
    thousands(row.rate),
    `${thousands(row.slowest)} to ${thousands(row.fastest)}`,
    `${ratio(row).toFixed(2)}x`,
    ...(mode === 'drain' ? ['', ''] : [row.p50.toFixed(2), row.p99.toFixed(2)]),
    row.cpuMicros.toFixed(1),
    row.serverCpuMicros?.toFixed(1) ?? '',
    thousands(row.walBytes),
  ])
  const reached = bars.flatMap(([other, bar]) => {
    const row = rows.find(({ name }) => name === other)
    if (own === undefined || row === undefined) return []
    const is = ratio(row)
    const isMet = mode === 'latency' ? is <= bar : is >= bar
    return [
      `${is.toFixed(2)}x ${other} (${mode === 'latency' ? 'at most' : 'at least'} ${bar}x: ${isMet ? 'yes' : 'no'})`,
    ]
  })
  return `${title}\n\n${lines([header, ...cells])}\n\nposthorn: ${reached.join(', ')}`
}

/** Who was measured, and what each promises. */
export function describe(rounds: readonly Round[]): string {
  const byName = new Map(rounds.map((round) => [round.name, round]))
  return [...byName.values()].map(({ name, version, durability }) => `${name} ${version}: ${durability}`).join('\n')
}

function toRow(rounds: readonly Round[]): Row {
  const { name, version, durability } = rounds[0]!
  const of = (field: 'rate' | 'p50' | 'p99' | 'cpuMicros' | 'walBytes'): number =>
    median(rounds.map((each) => each[field]))
  const rates = rounds.map(({ rate }) => rate)
  const server = rounds.flatMap(({ serverCpuMicros }) => serverCpuMicros ?? [])
  return {
    name,
    version,
    durability,
    rate: of('rate'),
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
    p50: of('p50'),
    p99: of('p99'),
    cpuMicros: of('cpuMicros'),
    serverCpuMicros: server.length === 0 ? null : median(server),
    walBytes: of('walBytes'),
  }
}

function lines(table: readonly (readonly string[])[]): string {
  const widths = table[0]!.map((_, column) => Math.max(3, ...table.map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => (at > 0 ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))).join(' | ')} |`
  const rule = widths.map((width, at) => (at > 0 ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return [line(table[0]!), line(rule), ...table.slice(1).map(line)].join('\n')
}

const thousands = (count: number): string => Math.round(count).toLocaleString('en')
