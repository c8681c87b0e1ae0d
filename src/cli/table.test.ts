import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { writeFacts, writeTable, type Column } from './table.ts'
import type { Terminal } from './terminal.ts'

function fakeTerminal(columns: number = Infinity): Terminal & { readonly lines: string[] } {
  const lines: string[] = []
  return {
    columns,
    lines,
    out: (line) => void lines.push(line),
    errColumns: null,
    err: () => {},
    errWrite: () => {},
    style: (_style, text) => text,
    read: () => Promise.resolve(new Uint8Array()),
  }
}

const columns: readonly Column<{ readonly name: string; readonly ready: number }>[] = [
  { head: 'queue', cell: ({ name }) => name },
  { head: 'ready', align: 'right', cell: ({ ready }) => String(ready) },
]

test('columns are as wide as their longest cell, numbers to the right', () => {
  const terminal = fakeTerminal()
  writeTable(terminal, columns, [
    { name: 'inbox', ready: 7 },
    { name: 'task:resize', ready: 1200 },
  ])
  deepEqual(terminal.lines, ['queue        ready', 'inbox            7', 'task:resize   1200'])
})

test('a line is cut to the terminal', () => {
  const terminal = fakeTerminal(10)
  writeTable(terminal, columns, [{ name: 'task:resize', ready: 1200 }])
  deepEqual(terminal.lines, ['queue    …', 'task:resi…'])
})

test('an empty table is its heads', () => {
  const terminal = fakeTerminal()
  writeTable(terminal, columns, [])
  deepEqual(terminal.lines, ['queue  ready'])
})

test('facts stand in line', () => {
  const terminal = fakeTerminal()
  writeFacts(terminal, [
    ['id', '1'],
    ['state', 'dead'],
  ])
  deepEqual(terminal.lines, ['id     1', 'state  dead'])
})
