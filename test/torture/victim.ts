// A process that works on a folder until it is killed. First it reads what those before it noted, and looks whether all of that is
// there. What it notes is handed to the system before and after each commit, so that it survives the kill as the folder does.

import { appendFileSync, writeSync } from 'node:fs'
import { systemClock } from '../../src/core/clock.ts'
import { createIds } from '../../src/core/id.ts'
import { seeded } from '../../src/engine/file/disk/fault-disk.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { keepCompiledNow } from '../compiled.ts'
import { drawLimits } from './disk.ts'
import { readNotes, type Note } from './note.ts'
import { look } from './look.ts'
import { prepare, repeat, work } from './work.ts'

/** Says `ready` when all that must be there is there. Ends only where it is not. */
async function live(folder: string, notes: string, seed: number): Promise<void> {
  const random = seeded(seed)
  const history = readNotes(notes)
  const note = (value: Note): void => appendFileSync(notes, `${JSON.stringify(value)}\n`)
  // The limits are those of the folder's first life, so that a life differs from the next in what it finds and not in what it is.
  const engine = await openFileEngine(folder, { logLimits: drawLimits(seeded(Math.floor(seed / 1000))) })
  if (history.steps.length === 0) await prepare(engine)
  const open = history.steps.filter(({ answer }) => answer === 'unknown')
  await look(engine, history)
  for (const { step, answer } of open) note({ end: [step.n, answer] })
  await repeat(engine, history)
  keepCompiledNow()
  writeSync(1, `ready ${history.confirmed}\n`)
  const ids = createIds(systemClock)
  await work(engine, history, {
    random,
    uuid: () => ids.uuid(),
    commits: Infinity,
    onBegin: (step) => note({ begin: step }),
    onEnd: (n, answer) => note({ end: [n, answer] }),
  })
}

const [folder, notes, seed] = process.argv.slice(2)
await live(folder!, notes!, Number(seed))
