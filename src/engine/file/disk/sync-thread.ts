/**
 * The thread that makes the log durable: fdatasync for files that the main thread has open, one request after the other. The next
 * may be left with it while it works, so that the disk need not wait for the main thread in between. It is not in libuv's pool, where four jobs of the application (a hash, a DNS look-up) would hold up every commit.
 */
import { fdatasyncSync, fsyncSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../../core/clock.ts'

/** The first shared word: the number of the last request. */
export const REQUEST = 0
/** So many requests may be there at once, each in words of its own. */
export const SLOTS = 2
/** The words of a request: a folder's descriptor or NONE, how many files it names, then their descriptors. */
export const FOLDER = 0
export const COUNT = 1
export const FILES = 2
export const MOST_FILES = 61
export const SLOT_WORDS: number = FILES + MOST_FILES
export const NONE = -1
export const STOP = -1

/** The last request that has been done without a failure. Who waits for it is woken. */
export const DONE: number = 1 + SLOTS * SLOT_WORDS
/** 1 while this thread looks for the next request without having slept, so that it begins at once. */
export const AWAKE: number = DONE + 1
/** 1 where a request is being made that will come at once: the thread is woken, and looks for it. */
export const EXPECTED: number = AWAKE + 1
export const WORDS: number = EXPECTED + 1

/** Where the words of a request begin. */
export const slotOf = (request: number): number => 1 + (request % SLOTS) * SLOT_WORDS

/**
 * To each request from the first that failed on, in their order, and where the thread is woken for nothing new. An error travels as a value: what it means
 * for the log is decided there.
 */
export interface SyncAnswer {
  readonly request: number
  readonly failure: { readonly code: string; readonly message: string } | null
}

/** The number of the request after this one. */
export const next = (request: number): number => (request + 1) & 0x3fff_ffff

/**
 * Where the request before came so soon after an answer, the thread looks for the next for as long before it sleeps: to be woken takes it, and
 * the thread that wakes it, a good part of what the sync itself takes.
 */
const LOOK_MS = 0.15
/** Looks between two looks at the clock. */
const LOOKS = 64

function serve(words: Int32Array): void {
  const mayLook = availableParallelism() > 1
  const answers: SyncAnswer[] = []
  let comesSoon = false
  let hasFailed = false
  for (let done = 0; ;) {
    const answeredAt = systemClock.monotonicMs()
    if (!comesSoon || !comes(words, done, answeredAt + LOOK_MS)) {
      do {
        Atomics.store(words, AWAKE, 0)
        Atomics.wait(words, REQUEST, done)
      } while (Atomics.exchange(words, EXPECTED, 0) === 1 && !isComing(words, done))
    }
    comesSoon = mayLook && systemClock.monotonicMs() - answeredAt < LOOK_MS
    const last = Atomics.load(words, REQUEST)
    if (last === STOP) return
    // Woken for nothing new: an answer may not have arrived.
    if (last === done) for (const answer of answers) parentPort!.postMessage(answer)
    else {
      done = next(done)
      const answer = { request: done, failure: syncAll(words, slotOf(done)) }
      hasFailed ||= answer.failure !== null
      Atomics.store(words, AWAKE, comesSoon ? 1 : 0)
      if (hasFailed) parentPort!.postMessage(answer)
      else {
        Atomics.store(words, DONE, done)
        Atomics.notify(words, DONE)
      }
      if (answers.push(answer) > SLOTS) answers.shift()
    }
  }
}

/** Woken for a request that is being made: whether it has come. */
function isComing(words: Int32Array, done: number): boolean {
  Atomics.store(words, AWAKE, 1)
  return comes(words, done, systemClock.monotonicMs() + LOOK_MS)
}

/** Whether there is another request than this until then. */
function comes(words: Int32Array, done: number, until: number): boolean {
  do {
    for (let look = 0; look < LOOKS; look++) if (Atomics.load(words, REQUEST) !== done) return true
  } while (systemClock.monotonicMs() < until)
  return false
}

function syncAll(words: Int32Array, slot: number): SyncAnswer['failure'] {
  try {
    for (let index = 0; index < words[slot + COUNT]!; index++) fdatasyncSync(words[slot + FILES + index]!)
    // A folder's entries are not what fdatasync calls data.
    if (words[slot + FOLDER] !== NONE) fsyncSync(words[slot + FOLDER]!)
    return null
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { code: String(code), message }
  }
}

if (parentPort !== null && workerData instanceof Int32Array) serve(workerData)
