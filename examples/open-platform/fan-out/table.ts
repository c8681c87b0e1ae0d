// Rows under their names: numbers to the right, words to the left.

export type Row = Readonly<Record<string, string | number>>

export function formatTable(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {})
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => String(row[name]).length)))
  const line = (cells: readonly (string | number)[], isNumber: (at: number) => boolean): string =>
    cells
      .map((cell, at) => (isNumber(at) ? String(cell).padStart(widths[at]!) : String(cell).padEnd(widths[at]!)))
      .join('   ')
      .trimEnd()
  const isNumber = (at: number): boolean => /^\d/.test(String(rows[0]?.[names[at]!]))
  return [names, ...rows.map((row) => names.map((name) => row[name]!))]
    .map((cells) => `  ${line(cells, isNumber)}`)
    .join('\n')
}
