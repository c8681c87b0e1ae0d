// What Node makes of the sources, kept for the processes that a test or a long program starts: without it each of the hundreds begins with most of a
// second of the same work.

import { flushCompileCache } from 'node:module'
import { dirname, join } from 'node:path'

/** Of processes that are started from now on, and theirs. */
export function keepCompiled(): void {
  process.env['NODE_COMPILE_CACHE'] ??= join(dirname(import.meta.dirname), 'node_modules/.cache/posthorn-test')
}

/** For a process that will be killed: Node itself keeps it at a clean end only. */
export function keepCompiledNow(): void {
  flushCompileCache()
}
