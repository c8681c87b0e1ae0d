/**
 * A disk in memory that loses what a real one may lose. What was written and not synced is kept apart from what is durable:
 * `kill()` keeps both, as the system does for a process that dies; `powerCut()` drops, tears or reorders what was not synced.
 * Deterministic: the same calls and the same seed give the same disk. Files opened before a kill or a cut are dead.
 */
import type { Random } from '../../../core/id.ts'
import type { Disk, DiskError, DiskFile, OpenMode, Processes } from './disk.ts'
import { FaultFile } from './fault-file.ts'

export interface PowerCut {
  /** What becomes of writes that were not synced: all lost · each sector lost or kept, so that writes tear and reorder. */
  readonly unsynced: 'drop' | 'tear'
  /** What a disk writes whole. Default 512. */
  readonly sectorBytes?: 512 | 4096
  /** What becomes of names whose folder was not synced. Default 'drop'. */
  readonly names?: 'drop' | 'keep' | 'tear'
}

export type Operation = 'write' | 'sync' | 'name' | 'truncate'

export interface Failure {
  readonly operation: Operation
  readonly code: 'EIO' | 'ENOSPC'
  /** So many calls of the operation succeed before. Default 0. */
  readonly after?: number
  /** Whether later calls of the operation fail as well. Default true. */
  readonly lasting?: boolean
}

export class FaultDisk implements Disk {
  readonly #random: Random
  readonly #capacityBytes: number
  readonly #syncTurns: number
  /** Names as the system shows them, as they are on the platter, and the changes between. */
  #names = new Map<string, FaultFile>()
  #durableNames = new Map<string, FaultFile>()
  #nameChanges: { readonly folder: string; readonly apply: (names: Map<string, FaultFile>) => void }[] = []
  readonly #folders = new Set<string>()
  readonly #files = new WeakMap<DiskFile, FaultFile>()
  readonly #closed = new WeakSet<DiskFile>()
  #lastSync: Promise<void> = Promise.resolve()
  #life = 1
  #steps = 0
  #offAt = Infinity
  #failures: { operation: Operation; code: string; after: number; lasting: boolean }[] = []

  /** @param options `syncTurns`: a sync takes up to so many turns of the event loop, during which more is written. Default 0 */
  constructor(options: { readonly seed?: number; readonly capacityBytes?: number; readonly syncTurns?: number } = {}) {
    this.#random = seeded(options.seed ?? 1)
    this.#capacityBytes = options.capacityBytes ?? Infinity
    this.#syncTurns = options.syncTurns ?? 0
  }

  /** Changes to the disk so far: writes, syncs, names. Each is a point at which power can be cut. */
  get steps(): number {
    return this.#steps
  }

  /** Infinity: it stays on. */
  get offAt(): number {
    return this.#offAt
  }

  /** From this step on nothing reaches the disk and every call fails. The write under way may still tear. */
  switchOffAt(step: number): void {
    this.#offAt = step
  }

  /** Makes calls of an operation fail. A sync that failed has lost what it should have made durable. */
  failNext(failure: Failure): void {
    this.#failures.push({ after: 0, lasting: true, ...failure })
  }

  /** The process dies; the system lives: what was written stays. */
  kill(): void {
    this.#life++
    this.#offAt = Infinity
    this.#failures = []
  }

  powerCut(cut: PowerCut = { unsynced: 'drop' }): void {
    this.kill()
    const { unsynced, sectorBytes = 512, names = 'drop' } = cut
    for (const { apply } of this.#nameChanges)
      if (names === 'keep' || (names === 'tear' && this.#random() < 0.5)) apply(this.#durableNames)
    this.#nameChanges = []
    this.#names = new Map(this.#durableNames)
    for (const file of new Set(this.#names.values())) {
      if (unsynced === 'drop') file.drop()
      else file.tear(sectorBytes, this.#random)
    }
  }

  /** The bytes of a file as they are now, to damage them on purpose. */
  bytesOf(path: string): Uint8Array {
    return this.#find(path).bytes()
  }

  get processes(): Processes {
    const life = this.#life
    const self = { pid: life, started: '', host: 'fault-disk' }
    return { self, isRunning: (other) => (other.host === self.host ? other.pid === this.#life : null) }
  }

  /** The disk as a process has it that begins now: what such a process still does when it has been killed reaches nothing. */
  session(): Disk {
    const life = this.#life
    const alive = (): this => {
      if (life !== this.#life) throw diskError('EIO', 'the process is dead')
      return this
    }
    return {
      open: (path, mode) => alive().open(path, mode),
      sync: async (files, folder) => alive().sync(files, folder),
      syncInBackground: async (file) => alive().syncInBackground(file),
      makeFolder: (folder) => alive().makeFolder(folder),
      list: (folder) => alive().list(folder),
      rename: (from, to) => alive().rename(from, to),
      link: (from, to) => alive().link(from, to),
      remove: (path) => alive().remove(path),
      removeSoon: async (path) => {
        await this.#takeTurns()
        alive().remove(path)
      },
      renameSoon: async (from, to) => {
        await this.#takeTurns()
        alive().rename(from, to)
      },
      freeBytes: () => alive().freeBytes(),
      processes: this.processes,
      close: () => this.close(),
    }
  }

  open(path: string, mode: OpenMode): DiskFile {
    if (mode === 'create') {
      if (this.#names.has(path)) throw diskError('EEXIST', path)
      const file = new FaultFile()
      this.#changeNames(path, (names) => names.set(path, file))
    }
    return this.#handle(path, this.#find(path), mode === 'reading')
  }

  sync(files: readonly DiskFile[], folder?: string): Promise<void> {
    return (this.#lastSync = this.#sync(files, folder, this.#lastSync))
  }

  syncInBackground(file: DiskFile): Promise<void> {
    return this.#sync([file], undefined, Promise.resolve())
  }

  makeFolder(folder: string): void {
    this.#folders.add(folder)
  }

  list(folder: string): readonly string[] {
    if (!this.#folders.has(folder)) throw diskError('ENOENT', folder)
    return [...this.#names.keys()]
      .filter((path) => folderOf(path) === folder)
      .map((path) => path.slice(folder.length + 1))
  }

  rename(from: string, to: string): void {
    const file = this.#find(from)
    this.#changeNames(to, (names) => {
      names.set(to, file)
      names.delete(from)
    })
  }

  link(from: string, to: string): void {
    const file = this.#find(from)
    if (this.#names.has(to)) throw diskError('EEXIST', to)
    this.#changeNames(to, (names) => names.set(to, file))
  }

  remove(path: string): void {
    this.#find(path)
    this.#changeNames(path, (names) => names.delete(path))
  }

  async removeSoon(path: string): Promise<void> {
    await this.#takeTurns()
    this.remove(path)
  }

  async renameSoon(from: string, to: string): Promise<void> {
    await this.#takeTurns()
    this.rename(from, to)
  }

  freeBytes(): number {
    return Math.max(0, this.#capacityBytes - this.#usedBytes())
  }

  async close(): Promise<void> {}

  #handle(path: string, file: FaultFile, isReading: boolean): DiskFile {
    const life = this.#life
    const alive = (): FaultFile => {
      if (life !== this.#life) throw diskError('EIO', `${path}: opened before the crash`)
      if (this.#closed.has(handle)) throw diskError('EBADF', `${path}: closed`)
      return file
    }
    const handle: DiskFile = {
      path,
      size: () => alive().sizeBytes,
      read: (target, position) => alive().read(target, position),
      readSoon: async (target, position) => alive().read(target, position),
      write: (pieces, position) => {
        if (isReading) throw diskError('EBADF', path)
        this.#write(path, alive(), Buffer.concat(pieces), position)
      },
      writeSoon: async (pieces, position) => {
        await this.#takeTurns()
        handle.write(pieces, position)
      },
      truncate: (sizeBytes) => {
        alive()
        if (isReading) throw diskError('EBADF', path)
        this.#change('truncate')
        file.truncate(sizeBytes)
      },
      close: () => void this.#closed.add(handle),
    }
    this.#files.set(handle, file)
    return handle
  }

  #write(path: string, file: FaultFile, bytes: Uint8Array, position: number): void {
    // The write under way when power goes may reach the platter in part: it is kept as unsynced.
    if (this.#steps === this.#offAt) file.write(bytes, position)
    this.#change('write')
    if (position + bytes.byteLength - file.sizeBytes > this.freeBytes()) throw diskError('ENOSPC', path)
    file.write(bytes, position)
  }

  async #sync(files: readonly DiskFile[], folder: string | undefined, before: Promise<void>): Promise<void> {
    const life = this.#life
    const changes = this.#nameChanges.filter((change) => change.folder === folder)
    const captured = files.map((handle) => this.#files.get(handle)!).map((file) => ({ file, until: file.changes }))
    await before.catch(() => {})
    await this.#takeTurns()
    if (life !== this.#life) throw diskError('EIO', 'the sync was under way at the crash')
    for (const handle of files) if (this.#closed.has(handle)) throw diskError('EBADF', `${handle.path}: closed`)
    const off = this.#steps >= this.#offAt
    try {
      this.#change('sync')
    } catch (error) {
      if (!off) for (const { file, until } of captured) file.lose(until)
      throw error
    }
    for (const { file, until } of captured) file.settle(until)
    for (const { apply } of changes) apply(this.#durableNames)
    this.#nameChanges = this.#nameChanges.filter((change) => !changes.includes(change))
  }

  async #takeTurns(): Promise<void> {
    await Promise.resolve()
    for (let turns = Math.floor(this.#random() * (this.#syncTurns + 1)); turns > 0; turns--) await nextTurn()
  }

  #changeNames(path: string, apply: (names: Map<string, FaultFile>) => void): void {
    this.#change('name')
    apply(this.#names)
    this.#nameChanges.push({ folder: folderOf(path), apply })
  }

  /** A change to the disk: counted, and failed where a fault says so. */
  #change(operation: Operation): void {
    if (this.#steps >= this.#offAt) {
      this.#steps++
      throw diskError('EIO', 'the power is off')
    }
    this.#steps++
    for (const failure of this.#failures) {
      if (failure.operation !== operation || failure.after-- > 0) continue
      if (!failure.lasting) this.#failures.splice(this.#failures.indexOf(failure), 1)
      throw diskError(failure.code, operation)
    }
  }

  #find(path: string): FaultFile {
    const file = this.#names.get(path)
    if (file === undefined) throw diskError('ENOENT', path)
    return file
  }

  #usedBytes(): number {
    return [...new Set(this.#names.values())].reduce((sum, file) => sum + file.sizeBytes, 0)
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function diskError(code: string, subject: string): DiskError {
  return Object.assign(new Error(`${code}: ${subject}`), { code })
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** mulberry32: small, and the same everywhere. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
