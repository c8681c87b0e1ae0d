// Power cuts and kills under the oracle: random sequences of everything that the contract offers, each left several times in the midst of
// commits, on disks with the smallest segments and checkpoints. Engine and oracle must agree on every answer before and after.

import fc from 'fast-check'
import type { Command, Subject } from '../../src/conformance/index.ts'
import { FaultDisk, seeded } from '../../src/engine/file/disk/fault-disk.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { sequenceOf, TOPICS } from '../conformance/arbitrary.ts'
import { Drive } from '../../src/conformance/index.ts'
import { FOLDER, drawCut, drawLimits } from './disk.ts'
import type { Counts } from './round.ts'

type Reopen = Extract<Command, { do: 'reopen' }>

const SEQUENCES = sequenceOf(['power-cut', 'power-cut', 'kill', 'close'], ['os', 'disk'])
const MORE_REOPENS = 5

/** One sequence. @throws AssertionError where engine and oracle disagree */
export async function oracleRound(seed: number, counts: Counts): Promise<void> {
  const random = seeded(seed)
  const commands = sequenceFrom(seed, random)
  const drive = await Drive.begin(await subject(seed, counts).create(), {
    hints: random() < 0.5 ? 'deliver' : 'drop',
    topics: TOPICS,
  })
  try {
    for (const command of commands) {
      await drive.step(command)
      await drive.caughtUp()
    }
    await drive.look()
  } catch (error) {
    throw new Error(commands.map((command) => JSON.stringify(command)).join('\n'), { cause: error })
  } finally {
    await drive.close().catch(() => {})
  }
  counts.add('commands', commands.length)
}

/** One with a reopen in it, and several more like that. */
function sequenceFrom(seed: number, random: () => number): readonly Command[] {
  for (const commands of fc.sample(SEQUENCES, { seed, numRuns: 100 })) {
    const found = commands.filter((command): command is Reopen => command.do === 'reopen')
    if (found.length === 0) continue
    // One who catches up reads from the disk. What the retention forgets meanwhile is a gap for him; how much that is, is the engine's choice.
    const keeping = (_: string, value: unknown): unknown =>
      (value as { readonly do?: string; readonly retention?: unknown } | null)?.do === 'retain' &&
      (value as { readonly retention: unknown }).retention !== null
        ? { ...(value as object), retention: { ms: null, count: 1000 } }
        : value
    const many = JSON.parse(JSON.stringify(commands), keeping) as Command[]
    let published = 1000
    // What a second publish with the id of a living message does is the engine's choice.
    const anew = (_: string, value: unknown): unknown =>
      (value as { readonly do?: string } | null)?.do === 'publish' ? { ...(value as object), n: published++ } : value
    for (let more = 0; more < MORE_REOPENS; more++) {
      const like = JSON.parse(JSON.stringify(found[Math.floor(random() * found.length)]!), anew) as Reopen
      const how = random() < 0.8 ? 'power-cut' : 'kill'
      const reopen: Reopen = { ...like, how, turns: Math.floor(random() * 5), luck: Math.floor(random() * 1000) }
      many.splice(Math.floor(random() * (many.length + 1)), 0, reopen)
    }
    return many.flatMap(oneByOne)
  }
  throw new Error(`seed ${seed} gives no sequence with a reopen`)
}

/**
 * A subscription that was suspended takes what it missed from the disk when there is room, and that takes the engine a while, the oracle not: between
 * commits that are made at once nobody can wait for it.
 */
function oneByOne(command: Command): readonly Command[] {
  if (command.do !== 'commit') return [command]
  return command.commits.map((commit) => ({ do: 'commit', commits: [commit] }))
}

function subject(seed: number, counts: Counts): Subject {
  return {
    name: 'file, tortured',
    create() {
      const disk = new FaultDisk({ seed, syncTurns: seed % 4 })
      const logLimits = drawLimits(seeded(seed))
      return {
        open: ({ clock }) => openFileEngine(FOLDER, { clock, disk: disk.session(), logLimits }),
        faults: {
          kill: () => {
            counts.add('kills')
            disk.kill()
          },
          powerCut: (luck) => {
            counts.add('power cuts')
            disk.powerCut(drawCut(seeded(seed + luck)))
          },
        },
      }
    },
  }
}
