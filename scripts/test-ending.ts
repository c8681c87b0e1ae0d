// Loaded into the process of each test file: one that stays when its tests are over, because something was left open (by a failed assertion,
// as a rule), says what, and ends as a failure. Else it would keep the whole run waiting. One that ends before its tests are over is a failure
// too: what did not run has not passed.

import { after } from 'node:test'
import { isMainThread } from 'node:worker_threads'

/** Hooks of the file have to be over by then as well. */
const PATIENCE_MS = Number(process.env['POSTHORN_TEST_PATIENCE_MS'] ?? 30_000)

let isOver = false

after(() => {
  isOver = true
  setTimeout(() => {
    console.error(
      `${process.argv[1]}: its tests are over, and still open: ${process.getActiveResourcesInfo().join(', ')}`,
    )
    process.exit(1)
  }, PATIENCE_MS).unref()
})

// What a test forks gets this module as well.
if (isMainThread && /\.test\.m?[jt]s$/.test(process.argv[1] ?? ''))
  process.on('exit', (code) => {
    if (isOver || code !== 0) return
    console.error(`${process.argv[1]}: it ended before its tests were over`)
    process.exitCode = 1
  })
