// Damage to the files of a folder: single bits, zeroed pages, files cut short, missing, copied back from an earlier time or under
// another name. It must be noticed, by name and place, or have hit what nobody needs: nothing wrong is ever seen.

import { isPosthornError } from '../../src/core/error.ts'
import type { Random } from '../../src/core/id.ts'
import { FaultDisk, seeded } from '../../src/engine/file/disk/fault-disk.ts'
import type { FileEngine } from '../../src/engine/file/engine.ts'
import { FrameReader } from '../../src/engine/file/log/frame-reader.ts'
import { Bench, FOLDER, drawLimits } from './disk.ts'
import { History } from './history.ts'
import { look } from './look.ts'
import type { Counts } from './round.ts'
import { prepare, work } from './work.ts'

const LIVES = 4
/** Damages to one folder. */
const TRIES = 50
const HARMLESS = 'had hit what nobody needs'

export type Files = ReadonlyMap<string, Uint8Array>

/** A folder as it was left, as it was earlier, and what must be seen in it. */
export interface Specimen {
  readonly seed: number
  readonly files: Files
  readonly earlier: readonly Files[]
  readonly history: History
}

export interface Hurt {
  readonly file: string
  /** The bytes that are not as they were. */
  readonly from: number
  readonly until: number
}

export type Damage = (files: Map<string, Uint8Array>, specimen: Specimen, random: Random) => Hurt | null

export const DAMAGES: Readonly<Record<string, Damage>> = {
  'bit flips': (files, _, random) => {
    const [file, bytes] = among([...files], random)
    const at = Math.floor(random() * bytes.byteLength)
    bytes[at]! ^= 1 << Math.floor(random() * 8)
    return { file, from: at, until: at + 1 }
  },
  'zeroed pages': (files, _, random) => {
    const [file, bytes] = among([...files], random)
    const page = random() < 0.5 ? 512 : 4096
    const from = Math.floor((random() * bytes.byteLength) / page) * page
    const until = Math.min(bytes.byteLength, from + page)
    if (bytes.subarray(from, until).every((byte) => byte === 0)) return null
    bytes.fill(0, from, until)
    return { file, from, until }
  },
  'truncated files': (files, _, random) => {
    const [file, bytes] = among([...files], random)
    const from = Math.floor(random() * bytes.byteLength)
    files.set(file, bytes.slice(0, from))
    return { file, from, until: bytes.byteLength }
  },
  'missing files': (files, _, random) => {
    const [file, bytes] = among([...files], random)
    files.delete(file)
    return { file, from: 0, until: bytes.byteLength }
  },
  'stale files': (files, { earlier }, random) => {
    const [file, bytes] = among([...among(earlier, random)], random)
    const now = files.get(file)
    if (now !== undefined && Buffer.compare(now, bytes) === 0) return null
    files.set(file, bytes.slice())
    return { file, from: 0, until: bytes.byteLength }
  },
  'duplicated files': (files, _, random) => {
    const [, bytes] = among(
      [...files].filter(([file]) => file.includes('segment')),
      random,
    )
    const file = random() < 0.5 ? 'segment-000999.log' : among([...files.keys()], random)
    if (files.get(file) === bytes) return null
    files.set(file, bytes.slice())
    return { file, from: 0, until: bytes.byteLength }
  },
}

export const DAMAGE_KINDS: readonly string[] = Object.keys(DAMAGES)

/** Many damages of one kind to one folder. @throws Error where something wrong was seen */
export async function damageRound(kind: string, seed: number, counts: Counts): Promise<void> {
  const specimen = await makeSpecimen(seed)
  const random = seeded(seed + 7)
  for (let at = 0; at < TRIES; at++) {
    const files = new Map([...specimen.files].map(([name, bytes]) => [name, bytes.slice()]))
    const hurt = DAMAGES[kind]!(files, specimen, random)
    if (hurt === null) continue
    counts.add(kind)
    try {
      const outcome = await outcomeOf(specimen, files, hurt)
      counts.add(outcome)
      if (outcome !== HARMLESS) counts.add(`${kind} that mattered`)
    } catch (error) {
      throw new Error(`try ${at}: ${kind} in ${hurt.file}, bytes ${hurt.from} to ${hurt.until}`, { cause: error })
    }
  }
}

/** A folder with several segments, checkpoints and recycled files, left by a close, a kill at rest, or a kill under load. */
export async function makeSpecimen(seed: number): Promise<Specimen> {
  const random = seeded(seed)
  const disk = new FaultDisk({ seed })
  const bench = new Bench(disk, random, { logLimits: drawLimits(random) })
  const history = new History()
  const earlier: Files[] = []
  const isClosed = random() < 0.4
  for (let life = 0; life < LIVES; life++) {
    const engine = await bench.open()
    if (life === 0) await prepare(engine)
    for (let part = 0; part < 3; part++) {
      await work(engine, history, { random, uuid: () => bench.ids.uuid(), commits: 4 + Math.floor(random() * 12) })
      earlier.push(filesOf(disk))
    }
    if (random() < 0.5) await rest(disk)
    if (life === LIVES - 1 ? isClosed : random() < 0.5) await engine.close()
    else disk.kill()
  }
  return { seed, files: filesOf(disk), earlier, history }
}

async function rest(disk: FaultDisk): Promise<void> {
  for (let idle = 0, steps = disk.steps; idle < 20; idle = disk.steps === steps ? idle + 1 : 0) {
    steps = disk.steps
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** In words. */
async function outcomeOf(specimen: Specimen, files: Files, hurt: Hurt): Promise<string> {
  const disk = diskOf(files)
  const bench = new Bench(disk, seeded(specimen.seed), { logLimits: { minFreeBytes: 0, pauseMs: 0, cacheBytes: 1 } })
  let engine
  try {
    engine = await bench.open()
  } catch (error) {
    return `found at open${placed(error, hurt)}`
  }
  try {
    await look(engine, specimen.history)
    return isMended(engine) ? 'found and turned back' : HARMLESS
  } catch (error) {
    if (isPosthornError(error)) return `found at read${placed(error, hurt)}`
    // One bit is never enough for that.
    if (!isEndOfLog(specimen, files) || hurt.until - hurt.from === 1) throw error
    // What a crash left at the end of the log cannot be told from what it tore, but what is there is a beginning of it.
    await look(engine, copyOf(specimen.history), false)
    return 'taken for the torn tail of a crash'
  } finally {
    await engine.close().catch(() => {})
  }
}

function isMended(engine: FileEngine): boolean {
  const measure = engine.measure?.().find(({ name }) => name === 'posthorn_log_mended_frames_total')
  return measure?.kind === 'counter' && measure.value > 0
}

/** Whether the error names the file and a range that meets the damage. @throws the error, where it is none of damage */
function placed(error: unknown, { file, from, until }: Hurt): string {
  if (!isPosthornError(error) || (error.code !== 'corrupt' && error.code !== 'newer-format')) throw error
  const { details } = error
  const isFile = details['file'] === `${FOLDER}/${file}`
  const meets = isFile && Number(details['from']) < until && Number(details['until']) >= from
  return meets ? ', in its place' : isFile ? ', in its file' : ''
}

/**
 * Whether the damage took an end of the log with everything that told of it: nothing that is left says that the first frame that is
 * gone was ever durable.
 */
export function isEndOfLog({ files }: Specimen, damaged: Files): boolean {
  const left = framesOf(damaged)
  const there = new Set(left.map(({ name }) => name))
  const gone = framesOf(files).filter(({ name, isOld }) => !isOld && !there.has(name))
  const firstGone = Math.min(...gone.map(({ sequence }) => sequence))
  return left.every(({ syncedTo }) => syncedTo < firstGone)
}

/** Old are those of an earlier use of the file: the log has them no more. */
function framesOf(files: Files): { name: string; sequence: number; syncedTo: number; isOld: boolean }[] {
  const disk = diskOf(files)
  return [...files.keys()].flatMap((file) => {
    const frames = [...new FrameReader(disk.open(`${FOLDER}/${file}`, 'existing')).search(0)]
    const first = frames[0]?.offset === 0 ? frames[0].header.sequence : 0
    return frames.map(({ header, offset }) => ({
      name: `${file} ${offset} ${header.crc}`,
      sequence: header.sequence,
      syncedTo: Math.max(header.syncedTo, file === 'checkpoint' ? header.sequence : 0),
      isOld: header.sequence < first,
    }))
  })
}

export function copyOf({ steps }: History): History {
  const copy = new History()
  for (const { step, answer } of steps) copy.steps.push({ step, answer })
  return copy
}

export function filesOf(disk: FaultDisk): Files {
  const names = disk.list(FOLDER).filter((name) => name === 'checkpoint' || name.startsWith('segment'))
  return new Map(names.map((name) => [name, disk.bytesOf(`${FOLDER}/${name}`).slice()]))
}

export function diskOf(files: Files): FaultDisk {
  const disk = new FaultDisk()
  disk.makeFolder(FOLDER)
  for (const [name, bytes] of files) disk.open(`${FOLDER}/${name}`, 'create').write([bytes], 0)
  return disk
}

function among<T>(values: readonly T[], random: Random): T {
  return values[Math.floor(random() * values.length)]!
}
