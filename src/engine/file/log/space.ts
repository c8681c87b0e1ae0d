/**
 * Room on the disk: new messages are refused while there still is some, because what is already there must be settled, and
 * settling takes a little room as well. The disk is asked when the log has grown by a MiB, never per commit.
 */
import type { Disk } from '../disk/disk.ts'
import type { Log } from './log.ts'
import { roomOn } from './room.ts'
import type { Shelf } from './shelf.ts'

export interface SpaceDeps {
  readonly disk: Disk
  readonly folder: string
  readonly log: Pick<Log, 'writtenBytes'>
  readonly shelf: Shelf
  readonly engineMs: () => number
  /** New messages are refused below this. */
  readonly minFreeBytes: number
}

const LOOK_BYTES = 1 << 20
/** While it refuses: whoever made room is not kept waiting, and a flood of refused sends does not flood the disk with questions. */
const LOOK_AGAIN_MS = 100

export class Space {
  readonly minFreeBytes: number
  readonly #deps: SpaceDeps
  #refusal: string | null = null
  #lookAtBytes = 0
  #lookAtMs = 0

  constructor(deps: SpaceDeps) {
    this.#deps = deps
    this.minFreeBytes = deps.minFreeBytes
  }

  /** A sentence on why nothing new may be stored; null where it may. */
  refusal(): string | null {
    const { log, shelf, engineMs } = this.#deps
    if (this.#refusal === null) {
      if (log.writtenBytes < this.#lookAtBytes && !shelf.reserve.isTaken) return null
    } else if (engineMs() < this.#lookAtMs) return this.#refusal
    this.#look()
    return this.#refusal
  }

  get isRefusing(): boolean {
    return this.#refusal !== null
  }

  #look(): void {
    const { disk, folder, log, shelf, engineMs } = this.#deps
    // What the log keeps to use again is room as well; a reserve that was taken is to be put back before anything else.
    const freeBytes = roomOn(disk, folder) + shelf.freeBytes
    const neededBytes = this.minFreeBytes + (shelf.reserve.isTaken ? shelf.reserve.targetBytes : 0)
    if (freeBytes >= neededBytes) {
      this.#refusal = null
      this.#lookAtBytes = log.writtenBytes + LOOK_BYTES
      if (shelf.reserve.isTaken) shelf.reserve.putBack()
    } else {
      this.#refusal = `the disk of ${folder} has ${freeBytes} bytes left: new messages are taken again when there are ${neededBytes}`
      this.#lookAtMs = engineMs() + LOOK_AGAIN_MS
    }
  }
}
