// A process that works on a folder until it is killed. First it reads what those before it noted, and looks whether all of that is
// there. What it notes is handed to the system before and after each commit, so that it survives the kill as the folder does.

import { appendFileSync, existsSync, readFileSync, writeSync } from 'node:fs'
import { systemClock } from '../../src/core/clock.ts'
import { createIds } from '../../src/core/id.ts'
import { seeded } from '../../src/engine/file/disk/fault-disk.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { drawLimits } from './disk.ts'
import { History, type Answer, type Step } from './history.ts'
import { look } from './look.ts'
import { prepare, repeat, work } from './work.ts'

type Note = { readonly begin: Step } | { readonly end: readonly [n: number, answer: Answer] }

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

function readNotes(file: string): History {
  const history = new History()
  if (!existsSync(file)) return history
  // The last line may be half written.
  for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
    const value = JSON.parse(line) as Note
    if ('begin' in value) history.begin(value.begin)
    else history.end(...value.end)
  }
  history.crash()
  return history
}

const [folder, notes, seed] = process.argv.slice(2)
await live(folder!, notes!, Number(seed))
