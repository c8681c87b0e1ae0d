// What the frames that are left say of those that are gone.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../disk/fault-disk.ts'
import { segmentName } from '../log/segment.ts'
import { FOLDER, PlainLog } from '../../../../test/file/plain-log.ts'
import { surveySegments } from '../recovery/survey.ts'
import { findFrames } from './found-frames.ts'
import { noLoss } from './loss.ts'

/** Two openings: the second has left the segment of the first, and said so in it. */
async function openedTwice(): Promise<FaultDisk> {
  const disk = new FaultDisk()
  const limits = { segmentBytes: 1 << 16, firstSegmentBytes: 1 << 16, checkpointBytes: 1 << 30 }
  for (let opening = 0; opening < 2; opening++) {
    const log = await PlainLog.open(disk, { limits })
    for (let number = 1; number <= 4; number++) await log.put(number, `${opening} ${number}`)
    await log.close()
  }
  return disk
}

test('a segment that a later opening had gone on in is missed where it is missing', async () => {
  const disk = await openedTwice()
  const whole = findFrames(surveySegments(disk, FOLDER, 'reading'), 0, 0, noLoss())
  const first = whole.frames.find(({ segment }) => segment.number === 2)!.header.sequence
  disk.remove(`${FOLDER}/${segmentName(2)}`)
  const { frames, promised } = findFrames(surveySegments(disk, FOLDER, 'reading'), 0, 0, noLoss())
  equal(frames.at(-1)!.header.sequence, first - 1)
  ok(promised >= first, `${promised} are promised, and the first that is gone is ${first}`)
})

test('a segment whose head is damaged keeps its frames, though a later opening wrote behind them', async () => {
  const disk = await openedTwice()
  const sequences = (): number[] =>
    findFrames(surveySegments(disk, FOLDER, 'reading'), 0, 0, noLoss()).frames.map(({ header }) => header.sequence)
  const before = sequences()
  disk.open(`${FOLDER}/${segmentName(1)}`, 'existing').write([new Uint8Array(32)], 0)
  deepEqual(sequences(), before)
})
