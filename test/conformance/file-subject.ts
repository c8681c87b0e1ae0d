// `file:DIR` as a subject of the kit, on a simulated disk: a kill leaves what was written, a power cut drops or tears what was
// not synced. Segments and checkpoints are small, so that a short test meets many of them.

import type { Subject } from '../../src/conformance/index.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { FaultDisk, type PowerCut } from '../../src/engine/file/disk/fault-disk.ts'

const FOLDER = '/posthorn'
const SMALL = {
  firstSegmentBytes: 8 << 10,
  segmentBytes: 16 << 10,
  checkpointBytes: 4 << 10,
  slackBytes: 8 << 10,
  minFreeBytes: 0,
  pauseMs: 0,
  earlyCommits: 3,
  busyShare: Infinity,
}
const CUTS: readonly PowerCut[] = [
  { unsynced: 'drop' },
  { unsynced: 'drop', names: 'keep' },
  { unsynced: 'tear', sectorBytes: 512, names: 'tear' },
  { unsynced: 'tear', sectorBytes: 4096, names: 'drop' },
]

export const fileSubject: Subject = {
  name: 'file',
  create() {
    const disk = new FaultDisk({ seed: 1 })
    return {
      open: ({ clock }) => openFileEngine(FOLDER, { clock, disk: disk.session(), logLimits: SMALL }),
      faults: {
        kill: () => disk.kill(),
        powerCut: (luck) => disk.powerCut(CUTS[luck % CUTS.length]),
      },
    }
  },
}
