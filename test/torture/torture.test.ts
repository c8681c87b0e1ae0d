// A short turn of every torture, for every commit; the long one is `npm run test:torture`. And whether they would notice.

import { match, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk, seeded } from '../../src/engine/file/disk/fault-disk.ts'
import { FaultFile } from '../../src/engine/file/disk/fault-file.ts'
import { LogBlocks } from '../../src/engine/file/block/blocks.ts'
import { seedOfRun } from '../seed.ts'
import { backupRound } from './backup.ts'
import { cutRound } from './cut.ts'
import { faultRound } from './fault.ts'
import { killRound } from './kill.ts'
import { KINDS } from './kinds.ts'
import { Counts, runRounds } from './round.ts'

const SHORT: Readonly<Record<string, number>> = { cuts: 20, oracle: 40, faults: 15, repairs: 2 }

for (const { name, round } of KINDS.filter((kind) => kind.name !== 'kills' && kind.name !== 'backups')) {
  test(`${name}: nothing confirmed is lost, nothing is wrong`, async (context) => {
    const seed = seedOfRun()
    const counts = await runRounds(name, round, seed, (_, rounds) => rounds >= (SHORT[name] ?? 4))
    context.diagnostic(`seed ${seed}: ${counts.toString()}`)
    ok(counts.all.size > 1)
  })
}

test('backups: nothing confirmed is lacking, nothing is wrong', async (context) => {
  const counts = new Counts()
  await backupRound(seedOfRun(), counts, 1)
  context.diagnostic(counts.toString())
})

test('kills: nothing confirmed is lost, nothing is wrong', async (context) => {
  const counts = new Counts()
  await killRound(seedOfRun(), counts, 4)
  context.diagnostic(counts.toString())
})

const wouldFail = async (what: RegExp, round: (seed: number, counts: Counts) => Promise<void>): Promise<void> => {
  await rejects(
    runRounds('mutant', round, 1, (_, rounds) => rounds >= 50),
    (error) => {
      match(String((error as Error).cause), what)
      return true
    },
  )
}

test('a disk that says it has synced, and has not, is noticed', async (context) => {
  context.mock.method(FaultFile.prototype, 'settle', function lie(this: FaultFile, until: number) {
    this.lose(until)
  })
  await wouldFail(/is gone|damaged/, cutRound)
})

test('an engine that goes on after a failed sync is noticed', async (context) => {
  const sync = Reflect.get(FaultDisk.prototype, 'sync')
  context.mock.method(
    FaultDisk.prototype,
    'sync',
    function hide(this: FaultDisk, ...args: Parameters<FaultDisk['sync']>) {
      return sync.apply(this, args).catch(() => undefined)
    },
  )
  await wouldFail(/is gone|damaged/, faultRound)
})

test('content that is not compared with its checksum is noticed', async (context) => {
  const random = seeded(1)
  const readBytes = Reflect.get(LogBlocks.prototype, 'readBytes')
  context.mock.method(LogBlocks.prototype, 'readBytes', async function wrong(this: LogBlocks, block: number) {
    const bytes = await readBytes.call(this, block)
    if (random() < 0.001) bytes[0]! ^= 1
    return bytes
  })
  await wouldFail(/it must be|is not valid JSON/, cutRound)
})
