// kill -9 at named points of the real disk's work: what was confirmed is there, whole, and nothing is there in part.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { QUEUE, SMALL } from './victim.ts'

const POINTS = [
  'before-write:5',
  'after-write:5',
  'after-write:160',
  'before-write:161',
  'before-sync:3',
  'after-sync:30',
  'before-create:4',
  'after-create:6',
  'before-rename:1',
  'after-rename:1',
  'before-rename:3',
  'before-remove:4',
]

/** Runs the victim until it dies; the number of the last commit that it was told of. */
async function lastConfirmed(folder: string, point: string): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'victim.ts'), folder, point], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [out, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  deepEqual([code, signal], [null, 'SIGKILL'], `${point}: it died as it should`)
  return Number(out.trimEnd().split('\n').at(-1) ?? 0)
}

async function look(folder: string): Promise<{ last: number; sent: Map<number, number>; acked: number }> {
  await using engine = Object.assign(await openFileEngine(folder, { logLimits: SMALL }), {
    [Symbol.asyncDispose]: () => engine.close(),
  })
  const [record] = await engine.get(['last'])
  const [depth] = await engine.depth([QUEUE])
  const sent = new Map<number, number>()
  const { items } = await engine.browse({ queue: QUEUE, state: 'ready', after: null, limit: 10_000 })
  for (const { message } of items) {
    const number = Number.parseInt(new TextDecoder().decode(message.body), 10)
    sent.set(number, (sent.get(number) ?? 0) + 1)
  }
  return {
    last: record === null || record === undefined ? 0 : Number(new TextDecoder().decode(record.value)),
    sent,
    acked: depth?.ended.acked ?? 0,
  }
}

for (const point of POINTS) {
  test(`confirmed-survives, all-or-nothing: kill -9 ${point}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-kill-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const confirmed = await lastConfirmed(folder, point)
    const { last, sent, acked } = await look(folder)
    ok(last >= confirmed && last <= confirmed + 1, `commit ${last} is the last, ${confirmed} was confirmed`)
    const waiting = [...sent.values()].reduce((sum, count) => sum + count, 0)
    equal(acked, Math.max(0, last - 1), 'each commit but the first acked one')
    equal(waiting, 2 * last - acked, 'sent = acked + waiting')
    for (const number of sent.keys()) ok(number <= last, `of commit ${number} nothing is there`)
  })
}
