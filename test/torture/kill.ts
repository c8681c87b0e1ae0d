// kill -9: a process works on a real folder and is killed at a random moment, some of them while it still opens. The next one looks
// whether all that was confirmed is there, nothing in part and nothing twice, and goes on. The moment is the system's: a seed says what
// was being done, not when it ended.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../../src/engine/file/disk/fault-disk.ts'
import type { Counts } from './round.ts'

const VICTIM = join(import.meta.dirname, 'victim.ts')
/** Lives of a folder. */
const LIVES = 20

/** One folder, twenty kills and a last look. @throws Error with what the process found wrong; the folder stays */
export async function killRound(seed: number, counts: Counts, lives: number = LIVES): Promise<void> {
  const random = seeded(seed)
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-torture-'))
  for (let life = 1; life <= lives; life++) {
    const isEarly = life > 1 && random() < 0.2
    const waitMs = isEarly ? 60 + random() * 120 : random() ** 2 * 150
    const found = await killed(folder, seed * 1000 + life, isEarly, waitMs)
    counts.add('kills -9')
    if (!found.wasReady) counts.add('of them while it opened')
  }
  const last = await killed(folder, seed * 1000, false, 0)
  counts.add('commits confirmed', last.confirmed)
  rmSync(folder, { recursive: true })
}

async function killed(
  folder: string,
  seed: number,
  isEarly: boolean,
  waitMs: number,
): Promise<{ readonly wasReady: boolean; readonly confirmed: number }> {
  const child = spawn(process.execPath, [VICTIM, join(folder, 'engine'), join(folder, 'notes.jsonl'), String(seed)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  const errors = text(child.stderr)
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (said += piece))
  if (!isEarly) await Promise.race([once(child.stdout, 'data'), ended])
  // The moment of the kill is random, so there is no condition to wait for.
  await Promise.race([sleep(waitMs), ended])
  child.kill('SIGKILL')
  const [code, signal] = (await ended) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`the process on ${folder} ended with ${code}: ${await errors}`)
  return { wasReady: said !== '', confirmed: Number(/ready (\d+)/.exec(said)?.[1] ?? 0) }
}
