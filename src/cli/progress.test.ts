import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { createProgress, type ProgressDeps } from './progress.ts'
import type { Terminal } from './terminal.ts'

function begin(errColumns: number | null, options: Partial<ProgressDeps> = {}) {
  const clock = new ManualClock()
  const written: string[] = []
  const terminal: Terminal = {
    columns: Infinity,
    errColumns,
    out: () => {},
    err: (line) => void written.push(`${line}\n`),
    errWrite: (text) => void written.push(text),
    style: (_style, text) => text,
    read: () => Promise.resolve(new Uint8Array()),
  }
  const progress = createProgress({ terminal, clock, doing: 'purging inbox', ...options })
  const at = (ms: number, done: number, total?: number): void => {
    clock.advance(ms)
    progress.at({ done, total, unit: 'messages' })
  }
  return { at, progress, written }
}

test('a terminal has a bar, drawn anew at most ten times a second, and taken away at the end', () => {
  const { at, progress, written } = begin(100)
  at(100, 10, 1_000)
  deepEqual(written, [], 'what is done in a moment shows nothing')
  at(400, 250, 1_000)
  equal(
    written.pop(),
    '\r\u001B[Kpurging inbox ██████░░░░░░░░░░░░░░░░░░ 25 % · 250 of 1,000 messages · 500/s · 1.5 s left',
  )
  at(50, 300, 1_000)
  deepEqual(written, [])
  at(50, 1_000, 1_000)
  match(written.pop()!, /█{24} 100 % · 1,000 of 1,000 messages · 1,667\/s$/)
  progress[Symbol.dispose]()
  progress[Symbol.dispose]()
  deepEqual(written, ['\r\u001B[K'])
})

test('a bar is no wider than the terminal, and without a total there is none', () => {
  const narrow = begin(30)
  narrow.at(500, 250, 1_000)
  equal(narrow.written[0]!.length, '\r\u001B[K'.length + 29)
  const unknown = begin(100)
  unknown.at(500, 250)
  equal(unknown.written[0], '\r\u001B[Kpurging inbox 250 messages · 500/s')
})

test('a pipe has a line now and then, a program nothing', () => {
  const { at, progress, written } = begin(null)
  at(5_000, 100, 1_000)
  at(5_000, 200, 1_000)
  at(5_000, 300, 1_000)
  progress[Symbol.dispose]()
  deepEqual(written, ['purging inbox: 20 % · 200 of 1,000 messages · 20/s · 40 s left\n'])
  const quiet = begin(100, { quiet: true })
  quiet.at(60_000, 1, 2)
  deepEqual(quiet.written, [])
})
