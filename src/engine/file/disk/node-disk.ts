/** The real disk: fdatasync in a thread of its own, whose answers are heard by a shared word. */
import {
  closeSync,
  constants,
  fdatasync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
} from 'node:fs'
import { rename, unlink } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../../core/clock.ts'
import type { Disk, DiskError, DiskFile, OpenMode, Processes } from './disk.ts'
import { NodeFile } from './node-file.ts'
import { nodeProcesses } from './process.ts'
import {
  AWAKE,
  COUNT,
  DONE,
  EXPECTED,
  FILES,
  FOLDER,
  MOST_FILES,
  NONE,
  REQUEST,
  SLOTS,
  STOP,
  WORDS,
  next,
  slotOf,
  type SyncAnswer,
} from './sync-thread.ts'

const THREAD = new URL(import.meta.url.endsWith('.ts') ? './sync-thread.ts' : './sync-thread.js', import.meta.url)
const fdatasyncSoon = promisify(fdatasync)

/** With one processor, who looks keeps it from whoever he looks for. */
const MAY_LOOK = availableParallelism() > 1
/** So long may the thread take for what it was asked before it is woken again. */
const WATCH_MS = 1_000
/** A disk that takes longer than so is waited for by sleeping. */
const LOOK_MS = 0.4

interface WaitingSync {
  readonly request: number
  readonly promise: PromiseWithResolvers<void>
}

export class NodeDisk implements Disk {
  readonly processes: Processes = nodeProcesses()
  /** Monotonic: when it ceases to look for an answer. */
  #lookUntil = 0
  #isLooking = false
  /** The last answer that was seen. */
  #taken = 0
  /** Will hear of the next answer. */
  #isListening = false
  readonly #words = new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT))
  readonly #folders = new Map<string, number>()
  /** Begun by the first sync. */
  #thread: Worker | null = null
  #exited: Promise<void> = Promise.resolve()
  /** Those who wait for the thread, the first in front. */
  readonly #waiting: WaitingSync[] = []
  #watched: Disposable | null = null
  #dead: Error | null = null

  open(path: string, mode: OpenMode): DiskFile {
    const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = constants
    const flags = { create: O_RDWR | O_CREAT | O_EXCL, existing: O_RDWR, reading: O_RDONLY }
    return new NodeFile(path, openSync(path, flags[mode], 0o600))
  }

  sync(files: readonly DiskFile[], folder?: string, isLone = false): Promise<void> {
    if (this.#dead !== null) return Promise.reject(this.#dead)
    if (this.#waiting.length === SLOTS) {
      // What another sync fails with is not told to those who wait for its place.
      const again = (): Promise<void> => this.sync(files, folder, isLone)
      return this.#waiting[0]!.promise.promise.then(again, again)
    }
    if (files.length > MOST_FILES)
      return this.sync(files.slice(MOST_FILES)).then(() => this.sync(files.slice(0, MOST_FILES), folder, isLone))
    const words = this.#words
    const request = next(words[REQUEST]!)
    const slot = slotOf(request)
    words[slot + FOLDER] = folder === undefined ? NONE : this.#descriptorOf(folder)
    words[slot + COUNT] = files.length
    files.forEach((file, index) => (words[slot + FILES + index] = (file as NodeFile).descriptor))
    const promise = Promise.withResolvers<void>()
    this.#waiting.push({ request, promise })
    // Only while somebody waits does the thread keep the process alive.
    this.#thread ??= this.#begin()
    this.#thread.ref()
    const looks = isLone && this.#waiting.length === 1 && Atomics.load(words, AWAKE) === 1
    if (looks) this.#lookFor()
    Atomics.store(words, REQUEST, request)
    // It is there now: one who was awake already has not taken this word, and would take the next wake for nothing new to be early.
    Atomics.store(words, EXPECTED, 0)
    Atomics.notify(words, REQUEST)
    this.#listen()
    this.#watched ??= this.#watch(request)
    return promise.promise
  }

  expectSync(): void {
    const words = this.#words
    if (!MAY_LOOK || this.#thread === null || this.#waiting.length > 0 || Atomics.load(words, AWAKE) === 1) return
    Atomics.store(words, EXPECTED, 1)
    Atomics.notify(words, REQUEST)
  }

  syncInBackground(file: DiskFile): Promise<void> {
    return fdatasyncSoon((file as NodeFile).descriptor)
  }

  makeFolder(folder: string): void {
    const first = mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (first === undefined || process.platform === 'win32') return
    // What is in a folder that is not in its parent after power loss, is lost.
    for (let made = folder; made.length >= first.length; made = dirname(made)) syncNow(dirname(made))
  }

  list(folder: string): readonly string[] {
    return readdirSync(folder)
  }

  rename(from: string, to: string): void {
    renameSync(from, to)
  }

  link(from: string, to: string): void {
    linkSync(from, to)
  }

  remove(path: string): void {
    rmSync(path)
  }

  removeSoon(path: string): Promise<void> {
    return unlink(path)
  }

  renameSoon(from: string, to: string): Promise<void> {
    return rename(from, to)
  }

  freeBytes(folder: string): number {
    const { bavail, blocks, bsize } = statfsSync(folder)
    // A file system that has no size (some in user space) does not tell.
    return blocks === 0 ? Infinity : bavail * bsize
  }

  async close(): Promise<void> {
    this.#dead ??= new Error('the disk is closed')
    Atomics.store(this.#words, REQUEST, STOP)
    Atomics.notify(this.#words, REQUEST)
    // Nobody has to be heard any more.
    Atomics.notify(this.#words, DONE)
    this.#watched?.[Symbol.dispose]()
    this.#thread?.ref()
    using watched = this.#watchStop()
    void watched
    await this.#exited
    for (const descriptor of this.#folders.values()) if (descriptor !== NONE) closeSync(descriptor)
    this.#folders.clear()
  }

  #descriptorOf(folder: string): number {
    let descriptor = this.#folders.get(folder)
    if (descriptor === undefined) {
      // Windows can neither open a folder nor needs to sync it.
      descriptor = process.platform === 'win32' ? NONE : openSync(folder, constants.O_RDONLY)
      this.#folders.set(folder, descriptor)
    }
    return descriptor
  }

  #begin(): Worker {
    const thread = new Worker(THREAD, { workerData: this.#words, execArgv: [], name: 'posthorn-sync' })
    this.#exited = new Promise((resolve) => thread.once('exit', () => resolve()))
    thread.on('message', (answer: SyncAnswer) => this.#onAnswer(answer))
    thread.on('error', (error) => this.#died(error instanceof Error ? error : new Error(String(error))))
    thread.on('exit', () => this.#died(new Error('the sync thread has ended')))
    return thread
  }

  /**
   * A thread that sleeps over a request, or an answer that never comes, would stop the log for ever. Both have one remedy, which does nothing to a
   * thread that is at work: it is woken again, and says its last answers as messages.
   */
  #watch(request: number): Disposable {
    return systemClock.timer(WATCH_MS, () => {
      const [first] = this.#waiting
      if (first?.request === request) Atomics.notify(this.#words, REQUEST)
      this.#watched = first === undefined ? null : this.#watch(first.request)
    })
  }

  /** The same until it has ended. */
  #watchStop(): Disposable {
    let timer: Disposable
    const watch = (): void => {
      timer = systemClock.timer(WATCH_MS, () => {
        Atomics.notify(this.#words, REQUEST)
        watch()
      })
    }
    watch()
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
  }

  /**
   * Until it has been done, for as long as syncs usually take: a message takes longer to come back than to look for it. Not where the sync thread has to be woken:
   * it may be given the processor that this thread does not leave.
   */
  #lookFor(): void {
    this.#lookUntil = systemClock.monotonicMs() + LOOK_MS
    if (this.#isLooking) return
    this.#isLooking = true
    setImmediate(this.#look)
  }

  readonly #look = (): void => {
    this.#takeDone()
    if (this.#waiting.length > 0 && systemClock.monotonicMs() < this.#lookUntil) return void setImmediate(this.#look)
    this.#isLooking = false
    this.#listen()
  }

  /** To be told by a message takes twice as long. */
  #listen(): void {
    if (this.#isListening || this.#isLooking || this.#waiting.length === 0) return
    const heard = Atomics.waitAsync(this.#words, DONE, this.#taken)
    this.#isListening = true
    // Where it is there already: not from within the call that asks for it.
    if (heard.async) void heard.value.then(this.#heard)
    else queueMicrotask(this.#heard)
  }

  readonly #heard = (): void => {
    this.#isListening = false
    this.#takeDone()
    this.#listen()
  }

  #takeDone(): void {
    const done = Atomics.load(this.#words, DONE)
    this.#taken = done
    const at = this.#waiting.findIndex(({ request }) => request === done)
    for (let left = at; left >= 0; left--) this.#answered(null)
  }

  #onAnswer({ request, failure }: SyncAnswer): void {
    this.#takeDone()
    if (this.#waiting[0]?.request === request) this.#answered(failure === null ? null : toError(failure))
  }

  #answered(error: Error | null): void {
    const waiting = this.#waiting.shift()
    // Who closes waits for its end.
    if (this.#waiting.length === 0 && this.#dead === null) this.#thread?.unref()
    if (error === null) waiting?.promise.resolve()
    else waiting?.promise.reject(error)
  }

  #died(error: Error): void {
    this.#dead ??= error
    // Its end may be told before its last answer.
    this.#takeDone()
    while (this.#waiting.length > 0) this.#answered(this.#dead)
  }
}

function syncNow(folder: string): void {
  const descriptor = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function toError({ code, message }: { readonly code: string; readonly message: string }): DiskError {
  return Object.assign(new Error(message), { code })
}
