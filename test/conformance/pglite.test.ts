// PGlite keeps what one connection can keep. What the engine does not do behind a pooler is left out by name.

import { after } from 'node:test'
import { CASES } from '../../src/conformance/index.ts'
import { keepsTheLaws } from './laws.ts'
import { pgliteSubject } from './pglite-subject.ts'

/** With `pooled=true` all leases stand until their time, those of processes too. */
const OF_PROCESSES = /those of processes lapse|token of a process that is gone/
/** Thousands of commits, one after the other, through WebAssembly. */
const LONG = /^however (many|much)|^many workers/

const subject = await pgliteSubject()
after(() => subject.end())
keepsTheLaws(
  subject,
  { hints: 'deliver' },
  CASES.filter(({ name }) => !OF_PROCESSES.test(name) && !LONG.test(name)),
)
