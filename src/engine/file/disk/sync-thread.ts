/**
 * The thread that makes the log durable: fdatasync for files that the main thread has open, one request at a time. It is not
 * in libuv's pool, where four jobs of the application (a hash, a DNS look-up) would hold up every commit.
 */
import { fdatasyncSync, fsyncSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'

/** Shared words: the number of the request, a folder's descriptor or NONE, how many files it names, then their descriptors. */
export const REQUEST = 0
export const FOLDER = 1
export const COUNT = 2
export const FILES = 3
export const MOST_FILES = 61
export const NONE = -1
export const STOP = -1

export interface SyncAnswer {
  readonly request: number
  /** An error travels as a value: what it means for the log is decided there. */
  readonly error: { readonly code: string; readonly message: string } | null
}

function serve(words: Int32Array): void {
  for (let done = 0; ;) {
    Atomics.wait(words, REQUEST, done)
    done = Atomics.load(words, REQUEST)
    if (done === STOP) return
    parentPort!.postMessage({ request: done, error: syncAll(words) } satisfies SyncAnswer)
  }
}

function syncAll(words: Int32Array): SyncAnswer['error'] {
  try {
    for (let index = 0; index < words[COUNT]!; index++) fdatasyncSync(words[FILES + index]!)
    // A folder's entries are not what fdatasync calls data.
    if (words[FOLDER] !== NONE) fsyncSync(words[FOLDER]!)
    return null
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { code: String(code), message }
  }
}

if (parentPort !== null && workerData instanceof Int32Array) serve(workerData)
