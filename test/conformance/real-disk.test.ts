// `file:DIR` on the disk of this machine: the same laws, but for what only a simulated disk can do (kill and power cut are not offered).

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CASES, type Subject } from '../../src/conformance/index.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { keepsTheLaws } from './laws.ts'

const subject: Subject = {
  name: 'file on a real disk',
  create() {
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-kit-'))
    return {
      open: ({ clock }) => openFileEngine(folder, { clock, logLimits: { minFreeBytes: 0, pauseMs: 0 } }),
      faults: {},
      remove: () => rmSync(folder, { recursive: true }),
    }
  },
}

// Thousands of commits one after the other are for disks that answer at once.
keepsTheLaws(
  subject,
  { hints: 'deliver' },
  CASES.filter(({ name }) => !name.startsWith('however')),
)
