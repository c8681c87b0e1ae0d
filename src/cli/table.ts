/** Tables for people: columns as wide as their longest cell, numbers to the right, the last text column cut to the terminal. */
import { stripVTControlCharacters } from 'node:util'
import type { Terminal } from './terminal.ts'

export interface Column<Row> {
  readonly head: string
  readonly align?: 'left' | 'right' | undefined
  cell(row: Row): string
}

const GAP = '  '

export function writeTable<Row>(terminal: Terminal, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  const heads = columns.map(({ head }) => terminal.style('dim', head))
  const lines = [heads, ...rows.map((row) => columns.map((column) => column.cell(row)))]
  const widths = columns.map((_, at) => Math.max(...lines.map((cells) => width(cells[at] ?? ''))))
  for (const cells of lines) {
    const padded = cells.map((cell, at) => pad(cell, widths[at] ?? 0, columns[at]?.align ?? 'left'))
    terminal.out(cut(padded.join(GAP).trimEnd(), terminal.columns))
  }
}

/** Pairs of a name and a value, the values in line. */
export function writeFacts(terminal: Terminal, facts: readonly (readonly [name: string, value: string])[]): void {
  const widest = Math.max(...facts.map(([name]) => name.length))
  for (const [name, value] of facts) terminal.out(`${terminal.style('dim', name.padEnd(widest))}${GAP}${value}`)
}

function pad(cell: string, columns: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, columns - width(cell)))
  return align === 'right' ? space + cell : cell + space
}

const width = (text: string): number => stripVTControlCharacters(text).length

/** A line longer than the terminal would wrap and break the table. A line with styles is left as it is: its end could be an escape. */
function cut(line: string, columns: number): string {
  return line.length <= columns || width(line) !== line.length ? line : `${line.slice(0, columns - 1)}…`
}
