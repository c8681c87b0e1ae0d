// A backup has everything that was confirmed before it began, whatever the owner does meanwhile; half of one is never taken for a whole.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { History } from '../torture/history.ts'
import { look } from '../torture/look.ts'
import { Bench, FOLDER, drawLimits } from '../torture/disk.ts'
import { prepare, work } from '../torture/work.ts'
import { FaultDisk, seeded } from '../../src/engine/file/disk/fault-disk.ts'
import { FrameReader } from '../../src/engine/file/log/frame-reader.ts'
import type { LogLimits } from '../../src/engine/file/open-log.ts'
import { openFileEngine, type FileEngine } from '../../src/engine/file/engine.ts'
import { backupFolder } from '../../src/engine/file/backup/backup.ts'
import { isHeld, placeHold } from '../../src/engine/file/backup/hold.ts'
import { restoreFolder } from '../../src/engine/file/backup/restore.ts'

const TARGET = '/backup'
const RESTORED = '/restored'

interface Setting {
  readonly disk: FaultDisk
  readonly bench: Bench
  readonly engine: FileEngine
  readonly history: History
  readonly work: (commits: number) => Promise<void>
}

async function setting(seed: number, limits?: Partial<LogLimits>): Promise<Setting> {
  const random = seeded(seed)
  const disk = new FaultDisk({ seed, syncTurns: seed % 3 })
  const bench = new Bench(disk, random, { logLimits: { ...drawLimits(random), ...limits } })
  const engine = await bench.open()
  const history = new History()
  await prepare(engine)
  return {
    disk,
    bench,
    engine,
    history,
    work: (commits) => work(engine, history, { random, uuid: () => bench.ids.uuid(), commits }),
  }
}

const isInvalid = (error: unknown): boolean => isPosthornError(error) && error.code === 'invalid'

/** Looks at a restored folder: what was confirmed when the backup began is there, and what came later all or nothing. */
async function lookAt(disk: FaultDisk, folder: string, history: History): Promise<void> {
  const copy = new History()
  for (const { step, answer } of history.steps) copy.steps.push({ step, answer })
  const engine = await openFileEngine(folder, { disk, clock: new ManualClock() })
  await look(engine, copy)
  await engine.close()
}

test('a backup of a running engine, under load, has all that was confirmed before, and the engine goes on', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { disk, bench, engine, history, work: run } = await setting(seed)
    const clock = bench.clock
    await run(40)
    const before = history.steps.length
    const [report] = await Promise.all([backupFolder(FOLDER, TARGET, { disk, clock }), run(120)])
    ok(report.bytes > 0 && report.sequence > 0)
    // Those that came while it was made may be in it or not.
    const then = new History()
    for (const { step, answer } of history.steps)
      then.steps.push({ step, answer: step.n > before && answer === 'confirmed' ? 'unknown' : answer })
    await run(30)
    await restoreFolder(TARGET, RESTORED, { disk, clock })
    await lookAt(disk, RESTORED, then)
    await look(engine, history)
    equal(disk.list(FOLDER).filter((name) => name.startsWith('hold')).length, 0)
    await engine.close()
  }
})

test('a backup of a folder that nobody has open, damaged nowhere and with nothing in it', async () => {
  const { disk, bench, engine, history, work: run } = await setting(3)
  await run(30)
  await engine.close()
  await backupFolder(FOLDER, TARGET, { disk, clock: bench.clock })
  await restoreFolder(TARGET, RESTORED, { disk, clock: bench.clock })
  await lookAt(disk, RESTORED, history)
  disk.makeFolder('/empty')
  await backupFolder('/empty', '/backup-of-nothing', { disk })
  await restoreFolder('/backup-of-nothing', '/nothing', { disk })
  deepEqual(await (await openFileEngine('/nothing', { disk })).depth('all'), [])
})

test('tokens of the original are stale in a copy, and those of the copy in the original', async () => {
  const { disk, bench, engine } = await setting(1)
  const lease = (of: FileEngine, id: string): ReturnType<FileEngine['lease']> =>
    of.lease({ id, worker: 'w', holder: 'client', leaseMs: 60_000, wants: [{ queue: 'a', max: 1 }] })
  const id = bench.ids.uuid()
  const message = { id, event: { id, source: '/test', type: 'sent' }, body: new Uint8Array(), priority: 4 }
  await engine.commit([{ changes: [{ do: 'send', queue: 'a', message }] }])
  const { token } = (await lease(engine, 'one')).deliveries[0]!
  await backupFolder(FOLDER, TARGET, { disk, clock: bench.clock })
  await restoreFolder(TARGET, RESTORED, { disk, clock: bench.clock })
  const copy = await openFileEngine(RESTORED, { disk, clock: bench.clock })
  const [refused] = await copy.commit([{ changes: [{ do: 'ack', token }] }])
  equal(refused!.status === 'refused' && refused!.code, 'stale')
  const second = (await lease(copy, 'two')).deliveries[0]!
  equal(second.stored.id, id, 'what was leased is handed out anew')
  const [other] = await engine.commit([{ changes: [{ do: 'ack', token: second.token }] }])
  equal(other!.status === 'refused' && other!.code, 'stale')
  const [own] = await engine.commit([{ changes: [{ do: 'ack', token }] }])
  equal(own!.status, 'committed')
})

test('power cut at every step of a backup and of a restore: unfinished ones are refused, finished ones are whole', async () => {
  const counting = await setting(2)
  await counting.work(30)
  const first = counting.disk.steps
  await backupFolder(FOLDER, TARGET, { disk: counting.disk, clock: counting.bench.clock })
  await restoreFolder(TARGET, RESTORED, { disk: counting.disk, clock: counting.bench.clock })
  const steps = counting.disk.steps - first
  let [whole, refused] = [0, 0]
  for (let step = 0; step <= steps; step += step < 20 || step > steps - 20 ? 1 : 4) {
    const { disk, bench, history, work: run } = await setting(2)
    await run(30)
    disk.switchOffAt(disk.steps + step)
    const attempt = (async () => {
      await backupFolder(FOLDER, TARGET, { disk, clock: bench.clock })
      await restoreFolder(TARGET, RESTORED, { disk, clock: bench.clock })
    })()
    await attempt.catch(() => {})
    const isOff = disk.steps >= disk.offAt
    disk.powerCut({ unsynced: 'tear', names: step % 2 === 0 ? 'tear' : 'keep' })
    try {
      await openFileEngine(RESTORED, { disk, clock: bench.clock }).then((engine) => engine.close())
      if (disk.list(RESTORED).some((name) => name.startsWith('segment')) && (await isPrepared(disk, RESTORED))) {
        await lookAt(disk, RESTORED, history)
        whole++
      }
    } catch (error) {
      ok(isInvalid(error), `step ${step}: ${String(error)}`)
      ok(isOff)
      refused++
    }
    const again = `/again`
    await restoreFolder(TARGET, again, { disk, clock: bench.clock }).then(
      () => lookAt(disk, again, history),
      (error: unknown) => ok(isInvalid(error), `step ${step}: ${String(error)}`),
    )
    await lookAt(disk, FOLDER, history)
  }
  ok(whole > 0 && refused > 0, `${whole} whole, ${refused} refused`)
})

/** Whether anything was ever restored to it: a folder whose name alone survived is a new engine. */
async function isPrepared(disk: FaultDisk, folder: string): Promise<boolean> {
  const engine = await openFileEngine(folder, { disk, clock: new ManualClock() })
  const depths = await engine.depth('all')
  await engine.close()
  return depths.length > 0
}

test('a backup is not opened as an engine, a damaged one is not restored, a folder in use is not written to', async () => {
  const { disk, bench, work: run } = await setting(5)
  await run(20)
  const { clock } = bench
  await backupFolder(FOLDER, TARGET, { disk, clock })
  await rejects(openFileEngine(TARGET, { disk, clock }), isInvalid)
  await rejects(backupFolder(TARGET, '/other', { disk, clock }), isInvalid)
  await rejects(backupFolder(FOLDER, TARGET, { disk, clock }), isInvalid)
  await rejects(restoreFolder(TARGET, FOLDER, { disk, clock }), isInvalid)
  await rejects(restoreFolder(FOLDER, RESTORED, { disk, clock }), isInvalid)
  const name = disk.list(TARGET).find((each) => each.startsWith('segment'))!
  disk.bytesOf(`${TARGET}/${name}`)[200]! ^= 1
  await rejects(
    restoreFolder(TARGET, '/damaged', { disk, clock }),
    (error) => isPosthornError(error) && error.code === 'corrupt' && error.details['file'] === `${TARGET}/${name}`,
  )
  await rejects(openFileEngine('/damaged', { disk, clock }), isInvalid)
})

test('a last frame of which one bit has turned is in a backup, and turned back by who opens the copy', async () => {
  const {
    disk,
    bench,
    engine,
    history,
    work: run,
  } = await setting(7, { checkpointBytes: 1 << 30, firstSegmentBytes: 1 << 20 })
  await run(20)
  const id = bench.ids.uuid()
  const message = { id, event: { id, source: '/test', type: 'sent' }, body: new Uint8Array(300), priority: 4 }
  await engine.commit([{ changes: [{ do: 'send', queue: 'last', message }] }])
  disk.kill()
  const name = `${FOLDER}/segment-000001.log`
  const last = [...new FrameReader(disk.open(name, 'existing')).search(0)].at(-1)!
  disk.bytesOf(name)[last.offset + 80]! ^= 1
  await backupFolder(FOLDER, TARGET, { disk, clock: bench.clock })
  await restoreFolder(TARGET, RESTORED, { disk, clock: bench.clock })
  const copy = await openFileEngine(RESTORED, { disk, clock: bench.clock })
  equal((await copy.find([{ queue: 'last', id }]))[0]?.message.id, id)
  await copy.close()
  await lookAt(disk, RESTORED, history)
})

test('a damaged log is not backed up as if it ended there', async () => {
  const { disk, bench, work: run } = await setting(9, { checkpointBytes: 1 << 30, firstSegmentBytes: 1 << 20 })
  await run(40)
  const path = `${FOLDER}/segment-000001.log`
  const { offset } = [...new FrameReader(disk.open(path, 'reading')).search(0)][5]!
  disk.bytesOf(path)[offset + 60]! ^= 1
  for (const state of ['open', 'left']) {
    if (state === 'left') disk.kill()
    await rejects(
      backupFolder(FOLDER, `/${state}`, { disk, clock: bench.clock }),
      (error) => isPosthornError(error) && error.code === 'corrupt' && error.details['from'] === offset,
    )
  }
})

test('a hold keeps segments from being used again while its process lives, and no longer', async () => {
  const limits = { checkpointBytes: 2000, segmentBytes: 2048, slackBytes: 2048, keptSegments: 0 }
  const { disk, engine } = await setting(1, limits)
  const headOf = (name: string): string => Buffer.from(disk.bytesOf(`${FOLDER}/${name}`).subarray(0, 8)).toString('hex')
  /** Segments in use of which nothing is left after a hundred puts of the same record. */
  const givenBack = async (): Promise<number> => {
    const before = disk.list(FOLDER).filter((name) => name.startsWith('segment') && headOf(name).startsWith('50484652'))
    const heads = before.map(headOf)
    for (let count = 0; count < 100; count++)
      await engine.commit([{ changes: [{ do: 'put', key: 'one', value: new Uint8Array(500) }] }])
    const now = disk.list(FOLDER)
    return before.filter((name, at) => !now.includes(name) || headOf(name) !== heads[at]).length
  }
  ok((await givenBack()) > 0)
  const hold = placeHold(disk, FOLDER, 'one')
  equal(await givenBack(), 0)
  hold[Symbol.dispose]()
  ok((await givenBack()) > 0)
  const dead = disk.open(`${FOLDER}/hold.dead`, 'create')
  dead.write([new TextEncoder().encode(JSON.stringify({ pid: 0, started: '', host: 'fault-disk' }))], 0)
  equal(isHeld(disk, FOLDER), false)
  await engine.close()
  disk.open(`${FOLDER}/hold.torn`, 'create')
  equal(isHeld(disk, FOLDER), true, 'it may be that somebody is just writing it')
  await (await openFileEngine(FOLDER, { disk, clock: new ManualClock() })).close()
  equal(isHeld(disk, FOLDER), false)
})
