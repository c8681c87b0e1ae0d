// What tests of sources share: a source told by hand, a log that is read, and a condition that is waited for.

import { createLog, type Log } from '../../src/runtime/log.ts'

export { until } from '../http/server/client.ts'

export interface Entry {
  readonly level: string
  readonly message: string
}

export function createTestLog(): { readonly log: Log; readonly entries: Entry[] } {
  const entries: Entry[] = []
  return { log: createLog((level, message) => entries.push({ level, message })), entries }
}

/** A door that a handler waits at until it is opened. */
export class Gate {
  #opened = Promise.withResolvers<void>()

  pass(): Promise<void> {
    return this.#opened.promise
  }

  open(): void {
    this.#opened.resolve()
  }
}
