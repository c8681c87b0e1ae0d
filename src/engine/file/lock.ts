/**
 * One process per folder: a file that names its holder. It appears whole (a link to a file that is complete), and the lock of a
 * process that has died is taken over. It also says where the holder can be talked to, so that others need not open the folder.
 */
import { join } from 'node:path'
import { PosthornError } from '../../core/error.ts'
import { isDiskError, type Disk, type DiskFile, type ProcessIdentity } from './disk/disk.ts'

interface Holder extends ProcessIdentity {
  /** Tells this lock from every other, also of the same process. */
  readonly lock: string
  /** Where it can be talked to, and the file with the key for that. */
  readonly address: string | null
  readonly keyFile: string | null
}

const NAME = 'lock'
const KEY = 'lock.key'
const ATTEMPTS = 8

export class FolderLock {
  readonly #disk: Disk
  readonly #folder: string
  #holder: Holder

  private constructor(disk: Disk, folder: string, holder: Holder) {
    this.#disk = disk
    this.#folder = folder
    this.#holder = holder
  }

  /**
   * @param id a text that was never used before
   * @throws PosthornError `engine-locked`; its details have `pid`, `host`, `address` and `keyFile` of the holder
   */
  static take(disk: Disk, folder: string, id: string): FolderLock {
    const lock = new FolderLock(disk, folder, { ...disk.processes.self, lock: id, address: null, keyFile: null })
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (lock.#place()) return lock
      const holder = lock.#read(NAME)
      if (holder === 'gone') continue
      if (holder !== 'torn' && disk.processes.isRunning(holder) !== false) throw lockedBy(holder, disk, folder)
      lock.#takeAway(holder)
    }
    throw new PosthornError('engine-locked', `${folder} is being opened by several processes at once: try again`)
  }

  /** Whether the lock is still ours: it is not where somebody removed it by hand and another process opened the folder. */
  get isHeld(): boolean {
    const holder = this.#read(NAME)
    return typeof holder === 'object' && holder.lock === this.#holder.lock
  }

  /** Says where we can be talked to. The key goes into a file that only this user can read. */
  announce({ address, key }: { readonly address: string; readonly key: string }): void {
    const keyFile = this.#path(KEY)
    this.#write(`${this.#ownName}.key`, key)
    this.#disk.rename(this.#path(`${this.#ownName}.key`), keyFile)
    this.#holder = { ...this.#holder, address, keyFile }
    this.#write(this.#ownName, this.#text)
    this.#disk.rename(this.#path(this.#ownName), this.#path(NAME))
  }

  release(): void {
    if (!this.isHeld) return
    if (this.#holder.keyFile !== null) this.#remove(KEY)
    this.#remove(NAME)
  }

  get #text(): string {
    return `${JSON.stringify(this.#holder)}\n`
  }

  get #ownName(): string {
    return `${NAME}.${this.#holder.lock}`
  }

  /** Whether the lock is ours now. */
  #place(): boolean {
    this.#write(this.#ownName, this.#text)
    try {
      this.#disk.link(this.#path(this.#ownName), this.#path(NAME))
      return true
    } catch (error) {
      if (isDiskError(error, 'EEXIST')) return false
      // A file system without links: then there is a moment in which the lock is empty.
      return this.#create()
    } finally {
      this.#remove(this.#ownName)
    }
  }

  #create(): boolean {
    try {
      this.#write(NAME, this.#text)
      return true
    } catch (error) {
      if (isDiskError(error, 'EEXIST')) return false
      throw error
    }
  }

  /** Removes the lock of a dead process, but not one that a third has placed since we looked. */
  #takeAway(dead: Holder | 'torn'): void {
    const aside = `${this.#ownName}.stale`
    try {
      this.#disk.rename(this.#path(NAME), this.#path(aside))
    } catch (error) {
      if (isDiskError(error, 'ENOENT')) return
      throw error
    }
    const taken = this.#read(aside)
    const isOther = typeof taken === 'object' && (dead === 'torn' || taken.lock !== dead.lock)
    if (isOther) this.#disk.link(this.#path(aside), this.#path(NAME))
    this.#remove(aside)
  }

  #read(name: string): Holder | 'torn' | 'gone' {
    return readHolder(this.#disk, this.#path(name))
  }

  #write(name: string, text: string): void {
    const file = this.#disk.open(this.#path(name), 'create')
    file.write([new TextEncoder().encode(text)], 0)
    file.close()
  }

  #remove(name: string): void {
    try {
      this.#disk.remove(this.#path(name))
    } catch (error) {
      if (!isDiskError(error, 'ENOENT')) throw error
    }
  }

  #path(name: string): string {
    return join(this.#folder, name)
  }
}

/** Looks without taking it. @throws PosthornError `engine-locked` where a process has the folder open */
export function refuseLocked(disk: Disk, folder: string): void {
  const holder = readHolder(disk, join(folder, NAME))
  if (typeof holder === 'object' && disk.processes.isRunning(holder) !== false) throw lockedBy(holder, disk, folder)
}

function readHolder(disk: Disk, path: string): Holder | 'torn' | 'gone' {
  let file: DiskFile
  try {
    file = disk.open(path, 'reading')
  } catch (error) {
    if (isDiskError(error, 'ENOENT')) return 'gone'
    throw error
  }
  try {
    const bytes = new Uint8Array(file.size())
    file.read(bytes, 0)
    return JSON.parse(new TextDecoder().decode(bytes)) as Holder
  } catch {
    return 'torn'
  } finally {
    file.close()
  }
}

function lockedBy({ pid, host, started, address, keyFile }: Holder, disk: Disk, folder: string): PosthornError {
  const { self } = disk.processes
  const isHere = host === self.host
  const isSelf = isHere && pid === self.pid && started === self.started
  const who = isSelf ? `this process (pid ${pid})` : `process ${pid} on ${isHere ? 'this host' : `host ${host}`}`
  const talk =
    address === null
      ? 'let that process serve it (posthorn serve) and talk to it over HTTP'
      : `talk to it at ${address}`
  const apart = isSelf ? 'share what is open (open(url, { shared: true }))' : 'open another folder'
  const stop = isSelf
    ? 'close it first'
    : isHere
      ? `stop process ${pid}`
      : `stop it, or if that host is gone remove ${join(folder, NAME)}`
  return new PosthornError('engine-locked', `${folder} is open in ${who}; ${talk}, or ${apart}, or ${stop}`, {
    details: { folder, pid, host, address, keyFile },
  })
}
