// The folder of a format version, made the same by every run: random work of every kind, left by a kill behind a checkpoint. And what is seen
// in it.

import { FaultDisk, seeded } from '../../src/engine/file/disk/fault-disk.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { Workload, seenOf } from './workload.ts'
import { ManualClock } from '../../src/core/clock.ts'

export const FOLDER = '/fixture'
const STEPS = 110
const LIMITS = {
  firstSegmentBytes: 4096,
  segmentBytes: 8192,
  checkpointBytes: 12_000,
  slackBytes: 8192,
  keptSegments: 1,
  minFreeBytes: 0,
  pauseMs: 0,
}

export interface Fixture {
  readonly files: ReadonlyMap<string, Uint8Array>
  /** The wall time at which it was left. */
  readonly leftAt: number
  readonly seen: unknown
}

export async function makeFixture(): Promise<Fixture> {
  const disk = new FaultDisk({ seed: 1 })
  const work = new Workload(seeded(1), ['client'])
  const open = (): ReturnType<typeof openFileEngine> =>
    openFileEngine(FOLDER, { disk, clock: work.clock, ids: work.ids, logLimits: LIMITS })
  const first = await open()
  await work.prepare(first)
  for (let step = 0; step < STEPS; step++) await work.step(first)
  await first.close()
  const second = await open()
  for (let step = 0; step < STEPS / 4; step++) await work.step(second)
  const seen = toJson(await seenOf(second))
  disk.kill()
  const names = disk.list(FOLDER).filter((name) => name === 'checkpoint' || name.startsWith('segment'))
  const files = new Map(names.map((name) => [name, disk.bytesOf(`${FOLDER}/${name}`).slice()]))
  return { files, leftAt: work.clock.wallMs(), seen }
}

/** What is seen in the folder when it is opened at the moment in which it was left. */
export async function seenIn({ files, leftAt }: Omit<Fixture, 'seen'>): Promise<unknown> {
  const engine = await openFileEngine(FOLDER, {
    disk: diskWith(files),
    clock: new ManualClock(leftAt),
    logLimits: { minFreeBytes: 0 },
  })
  const seen = toJson(await seenOf(engine))
  await engine.close()
  return seen
}

export function diskWith(files: Fixture['files']): FaultDisk {
  const disk = new FaultDisk()
  disk.makeFolder(FOLDER)
  for (const [name, bytes] of files) disk.open(`${FOLDER}/${name}`, 'create').write([bytes], 0)
  return disk
}

/** As it is in a file of JSON. */
function toJson(seen: unknown): unknown {
  const bytesAsText = (_: string, value: unknown): unknown =>
    value instanceof Uint8Array ? `base64:${Buffer.from(value).toString('base64')}` : value
  return JSON.parse(JSON.stringify(seen, bytesAsText)) as unknown
}
