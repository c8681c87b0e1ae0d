// Repairs of damaged folders: the original is not touched, what comes out opens and holds nothing wrong, and what is missing in it was named.

import { deepStrictEqual, ok } from 'node:assert/strict'
import type { Engine } from '../../src/core/engine.ts'
import { FaultDisk, seeded } from '../../src/engine/file/disk/fault-disk.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { repairFolder } from '../../src/engine/file/repair/repair.ts'
import { FOLDER } from './disk.ts'
import { DAMAGES, copyOf, diskOf, filesOf, isEndOfLog, makeSpecimen, type Specimen } from './damage.ts'
import { SUBSCRIPTIONS, TOPIC, bytesOf, messageOf, type History } from './history.ts'
import { look, recordsOf } from './look.ts'
import type { Counts } from './round.ts'

const REPAIRED = '/repaired'
const TRIES = 10

export async function repairRound(seed: number, counts: Counts): Promise<void> {
  const specimen = await makeSpecimen(seed)
  const random = seeded(seed + 11)
  const kinds = Object.keys(DAMAGES)
  for (let at = 0; at < TRIES; at++) {
    const files = new Map([...specimen.files].map(([name, bytes]) => [name, bytes.slice()]))
    const kind = kinds[Math.floor(random() * kinds.length)]!
    const hurt = DAMAGES[kind]!(files, specimen, random)
    if (hurt === null) continue
    counts.add('repairs')
    try {
      counts.add(await repaired(specimen, files, diskOf(files)))
    } catch (error) {
      throw new Error(`try ${at}: ${kind} in ${hurt.file}, bytes ${hurt.from} to ${hurt.until}`, { cause: error })
    }
  }
}

async function repaired(specimen: Specimen, files: Specimen['files'], disk: FaultDisk): Promise<string> {
  const before = filesOf(disk)
  const report = await repairFolder(FOLDER, REPAIRED, { disk })
  deepStrictEqual(filesOf(disk), before, 'the damaged folder is as it was')
  const engine = await openFileEngine(REPAIRED, { disk })
  try {
    const missing = await missingIn(engine, specimen.history)
    const named = new Set(report.lost.messages.map(({ queue, id }) => `${queue} ${id}`))
    const mayLack = report.lost.frames.length > 0 || report.lost.ranges.some(({ what }) => !what.startsWith('content'))
    if (!report.isWhole && !mayLack) {
      deepStrictEqual(missing.toSorted(), [...named].filter((name) => !isEnded(specimen.history, name)).toSorted())
      return 'lost content only, each by name'
    }
    if (!report.isWhole) return 'lost more than content'
    try {
      await look(engine, copyOf(specimen.history))
      return 'lost nothing'
    } catch (error) {
      if (!isEndOfLog(specimen, files)) throw error
      return 'lost an end of the log with all that told of it'
    }
  } finally {
    await engine.close()
  }
}

/** Messages that should be there and are not. @throws Error where something is there that is wrong */
async function missingIn(engine: Engine, history: History): Promise<string[]> {
  const expected = history.expected()
  const everPut = new Set(history.steps.flatMap(({ step }) => step.puts.map(({ key }) => `${key} ${step.n}`)))
  for (const [key, value] of await recordsOf(engine)) {
    const owner = new TextDecoder().decode(value).split(' ').slice(0, 2).join(' ')
    if (key.startsWith('commit/')) deepStrictEqual(Buffer.from(value), Buffer.from(bytesOf(key.slice(7), 0)))
    else ok(everPut.has(owner) && owner.startsWith(`${key} `), `record ${key} holds ${owner}`)
  }
  const sent = history.steps.flatMap(({ step }) => [
    ...step.sends,
    ...step.publishes.flatMap((each) => SUBSCRIPTIONS.map((queue) => ({ ...each, queue }))),
  ])
  const found = await engine.find(sent.map(({ queue, id }) => ({ queue, id })))
  const missing: string[] = []
  for (const [at, each] of sent.entries()) {
    const stored = found[at] ?? null
    const name = `${each.queue} ${each.id}`
    if (stored !== null) deepStrictEqual(Buffer.from(stored.message.body), Buffer.from(messageOf(each).body), name)
    const state = expected.messages.get(name)?.state
    if (stored === null && (state === 'live' || state === 'dead')) missing.push(name)
  }
  const events = await engine.read({ topic: TOPIC, from: 'beginning', limit: 1000 }).catch(() => ({ items: [] }))
  for (const { message } of events.items) ok(sent.some(({ id }) => id === message.id))
  return missing
}

function isEnded(history: History, name: string): boolean {
  const state = history.expected().messages.get(name)?.state
  return state !== 'live' && state !== 'dead'
}
