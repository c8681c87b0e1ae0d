/**
 * All that the file engine asks of a disk. Everything it writes goes through this interface, so that a test can put a disk
 * under it that loses power, tears writes and runs full. Paths are absolute; errors are Node's, with their `code`.
 */

export interface Disk {
  /** `create`: the file must not exist · `existing`: it must; both for reading and writing · `reading`: it must, and is never changed. */
  open(path: string, mode: OpenMode): DiskFile
  /**
   * Resolves when what was written to these files before the call survives power loss, and what was made, renamed or removed in the
   * folder as well. Runs in a thread of its own. Those under way end in the order in which they were asked for. `isLone`: one caller waits, and
   * nothing else is to be done meanwhile.
   */
  sync(files: readonly DiskFile[], folder?: string, isLone?: boolean): Promise<void>
  /** A `sync` is likely to be asked for within 0.1 ms: who must be woken for it may be woken now. */
  expectSync?(): void
  /** The same for work that nobody waits for (a checkpoint, a segment being filled): it must not hold up `sync`. */
  syncInBackground(file: DiskFile): Promise<void>
  /** With the folders above it, durably. */
  makeFolder(folder: string): void
  /** Names, in no order. */
  list(folder: string): readonly string[]
  /** Replaces what is at `to`. */
  rename(from: string, to: string): void
  /** A second name for a file: the one call that fails with EEXIST for all but one of those who race. */
  link(from: string, to: string): void
  remove(path: string): void
  /** The same, without holding up the event loop: to free the blocks of a large file takes milliseconds. */
  removeSoon(path: string): Promise<void>
  /** As `rename`, without holding up the event loop: what was there is freed, as by `removeSoon`. */
  renameSoon(from: string, to: string): Promise<void>
  freeBytes(folder: string): number
  /** Who we are, for the lock. */
  readonly processes: Processes
  /** Ends the threads. Files stay the opener's to close. */
  close(): Promise<void>
}

export type OpenMode = 'create' | 'existing' | 'reading'

export interface DiskFile {
  readonly path: string
  size(): number
  /** Bytes read: fewer than asked for at the end of the file only. */
  read(target: Uint8Array, position: number): number
  /** Does not hold up the event loop. */
  readSoon(target: Uint8Array, position: number): Promise<number>
  /** Writes all the pieces, one behind the other, or throws: then any part of them may be written. */
  write(pieces: readonly Uint8Array[], position: number): void
  /** The same, without holding up the event loop. Until it has ended the file must stay open, and nothing else be written there. */
  writeSoon(pieces: readonly Uint8Array[], position: number): Promise<void>
  truncate(sizeBytes: number): void
  close(): void
}

export interface ProcessIdentity {
  readonly pid: number
  /** Text that differs for another process of the same pid; empty where the system does not tell. */
  readonly started: string
  readonly host: string
}

export interface Processes {
  readonly self: ProcessIdentity
  /** null: it ran on another host, so nobody here can tell. */
  isRunning(process: ProcessIdentity): boolean | null
}

export interface DiskError extends Error {
  readonly code: string
}

export function isDiskError(error: unknown, ...codes: readonly string[]): error is DiskError {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
