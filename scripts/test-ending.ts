// Loaded into the process of each test file: one that stays when its tests are over, because something was left open (by a failed assertion,
// as a rule), says what, and ends as a failure. Else it would keep the whole run waiting.

import { after } from 'node:test'

/** Hooks of the file have to be over by then as well. */
const PATIENCE_MS = Number(process.env['POSTHORN_TEST_PATIENCE_MS'] ?? 30_000)

after(() => {
  setTimeout(() => {
    console.error(
      `${process.argv[1]}: its tests are over, and still open: ${process.getActiveResourcesInfo().join(', ')}`,
    )
    process.exit(1)
  }, PATIENCE_MS).unref()
})
