// A copy that is killed with -9 again and again, wherever it is, and begun again each time: nothing is lost or doubled, and what is half
// copied is opened by nobody else.

import { equal, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { copy, type CopyReport } from '../../src/copy.ts'
import { open } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { findPostgres } from '../postgres/server.ts'
import { drain, fill, isSame, seen } from './fill.ts'
import { newPlace, withEngine, type Kind } from './place.ts'

const found = await findPostgres()
const server = typeof found === 'string' ? null : found.url
const victim = join(import.meta.dirname, 'victim.ts')
const KINDS: readonly Kind[] = ['file', 'sqlite', 'postgres']
const ALL = KINDS.flatMap((from) => KINDS.map((to) => [from, to] as const))
/** Each is left once and reached once; POSTHORN_COPY_WAYS=all: between all of them. */
const WAYS =
  process.env['POSTHORN_COPY_WAYS'] === 'all'
    ? ALL
    : ALL.filter(([from, to]) => KINDS[(KINDS.indexOf(from) + 1) % KINDS.length] === to)

/** Runs a copy until it is so far and kills itself; its report, if it came to the end before. */
async function runUntil(from: string, to: string, pieces: number): Promise<CopyReport | null> {
  const child = spawn(process.execPath, [victim, from, to, String(pieces)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [out] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return out === '' ? null : (JSON.parse(out) as CopyReport)
}

for (const [from, to] of WAYS) {
  const skip = (from === 'postgres' || to === 'postgres') && server === null ? (found as string) : false
  test(`${from} to ${to}, killed on its way and begun again`, { skip }, async (t) => {
    const [source, target] = [await newPlace(t, from, server!), await newPlace(t, to, server!)]
    await withEngine(source, (engine) => fill(engine, 170))
    let report: CopyReport | null = null
    let isRefused = false
    for (let pieces = 600; report === null; pieces += 450) {
      report = await runUntil(source, target, pieces)
      if (report !== null || isRefused) continue
      isRefused = true
      await rejects(open(target, { log: silentLog }), { code: 'copy-unfinished' })
    }
    ok(isRefused, 'it was killed at least once')
    ok(report.resumedAfter > 500, `it went on after ${report.resumedAfter} pieces`)
    isSame(await withEngine(target, seen), await withEngine(source, seen))
  })
}

test('a copy does not go on from a source that was used meanwhile', async (t) => {
  const [source, target] = [await newPlace(t, 'sqlite', ''), await newPlace(t, 'file', '')]
  await withEngine(source, (engine) => fill(engine, 250))
  equal(await runUntil(source, target, 600), null)
  await withEngine(source, drain)
  await rejects(copy(source, target), { code: 'conflict', message: /is not what it was/ })
})
