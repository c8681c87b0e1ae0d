// Backups of a folder while another process works on it: whatever that is doing, a restored copy has what was confirmed before, and of what
// came meanwhile each commit whole or not at all.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { backup, restore } from '../../src/backup.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { History } from './history.ts'
import { look } from './look.ts'
import { readNotes } from './note.ts'
import type { Counts } from './round.ts'

const VICTIM = join(import.meta.dirname, 'victim.ts')
const BACKUPS = 4

/** One process at work, four backups of its folder. @throws Error where a copy lacks something or has something in part */
export async function backupRound(seed: number, counts: Counts, backups: number = BACKUPS): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-torture-'))
  const [folder, notes] = [join(root, 'engine'), join(root, 'notes.jsonl')]
  const child = spawn(process.execPath, [VICTIM, folder, notes, String(seed * 1000)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  const errors = text(child.stderr)
  try {
    await Promise.race([once(child.stdout, 'data'), ended])
    for (let count = 0; count < backups; count++) {
      const before = readNotes(notes)
      const [copy, restored] = [join(root, `copy-${count}`), join(root, `restored-${count}`)]
      const { bytes } = await backup(folder, copy)
      // What it would do while we look would only have to be looked at the next time.
      child.kill('SIGSTOP')
      const after = readNotes(notes)
      await restore(copy, restored)
      const engine = await openFileEngine(restored, { logLimits: { minFreeBytes: 0 } })
      await look(engine, since(before, after))
      await engine.close()
      child.kill('SIGCONT')
      counts.add('backups')
      counts.add('bytes copied', bytes)
      counts.add('commits confirmed before', before.confirmed)
      counts.add('commits begun meanwhile', after.steps.length - before.steps.length)
    }
    if (child.exitCode !== null) throw new Error(`the process that was backed up ended: ${await errors}`)
  } finally {
    child.kill('SIGKILL')
    await ended
  }
  rmSync(root, { recursive: true })
}

/** What was answered in the meantime may be in the copy or not. */
function since(before: History, after: History): History {
  const history = new History()
  for (const [at, { step, answer }] of after.steps.entries()) {
    const then = before.steps[at]?.answer
    history.steps.push({ step, answer: answer === 'confirmed' && then !== 'confirmed' ? 'unknown' : answer })
  }
  return history
}
