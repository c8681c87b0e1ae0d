// Who reads a folder that another works in.
import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../disk/fault-disk.ts'
import { segmentName } from '../log/segment.ts'
import { FOLDER, PlainLog } from '../../../../test/file/plain-log.ts'
import { surveySegments } from './survey.ts'

test('a segment that was removed after it was listed is as if it had not been listed', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk)
  await log.put(1, 'one')
  await log.close()
  const list = disk.list.bind(disk)
  disk.list = (folder) => [segmentName(9), ...list(folder)]
  const found = surveySegments(disk, FOLDER, 'reading')
  deepEqual(
    found.map(({ number }) => number),
    [1],
  )
})
