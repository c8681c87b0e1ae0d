/**
 * What the log needs now and then while commits go on: a checkpoint when enough was written since the last, segments used again
 * that nothing needs, and the content of sparse segments written anew so that the disk taken stays in proportion to what is live.
 */
import { join } from 'node:path'
import { isPosthornError } from '../../../core/error.ts'
import { isHeld } from '../backup/hold.ts'
import { UNFINISHED, removeIfThere, writeCheckpoint, type CheckpointDeps, type CheckpointFrom } from './checkpoint.ts'
import type { ColdReader } from '../block/cold-read.ts'
import type { LogMeasures } from '../log/log-measures.ts'
import { roomOn } from '../log/room.ts'
import type { Segment } from '../log/segment.ts'

export interface UpkeepLimits {
  /** A checkpoint is written when the log has grown by so much, or by three times the last checkpoint’s size. */
  readonly checkpointBytes: number
  /** Old segments may take this many times what is live in them, and `slackSegments` more. */
  readonly sparseFactor: number
  readonly slackBytes: number
}

export const UPKEEP_LIMITS: UpkeepLimits = { checkpointBytes: 64 << 20, sparseFactor: 2, slackBytes: 4 * (64 << 20) }

export interface UpkeepDeps extends CheckpointDeps {
  readonly limits: UpkeepLimits
  readonly cold: ColdReader
  /** Whether the disk is nearly full. */
  readonly isTight: () => boolean
  readonly measures: LogMeasures
}

/** What an open found: the checkpoint it began with, and what it had to replay. */
export interface UpkeepStart {
  readonly from: CheckpointFrom | null
  readonly checkpointBytes: number
  readonly replayedBytes: number
}

/** The log between two checkpoints, in checkpoints: more is written less often, and replayed longer. */
const CHECKPOINT_SHARE = 3
const TIGHT_BYTES = 1 << 20
const MOVE_BYTES = 256 << 10
/** Of the table of blocks, looked through without a pause. */
const LOOK_CHUNKS = 16
/** On a disk that stays full, no more often. */
const RELIEVE_MS = 1_000
/** At close: a log of so many segments is worth a checkpoint, however little is in them. */
const MOST_SEGMENTS = 4

export class Upkeep {
  readonly #deps: UpkeepDeps
  #working: Promise<void> | null = null
  #begun = false
  #relieveAtMs = 0
  #stopped = false
  /** Where a replay would begin; the size of the checkpoint; and how long the log was then. */
  #from: CheckpointFrom | null
  #checkpointBytes: number
  #writtenBytes: number
  /** Segments that were rewritten, or could not be because they are damaged. */
  readonly #rewritten = new WeakSet<Segment>()

  constructor(deps: UpkeepDeps, { from, checkpointBytes, replayedBytes }: UpkeepStart) {
    this.#deps = deps
    this.#from = from
    this.#checkpointBytes = checkpointBytes
    this.#writtenBytes = -replayedBytes
  }

  /** Something was written. Begins what is due, in the background. */
  tick(): void {
    if (this.#working !== null || this.#stopped) return
    if (this.#begun && !this.#isDue()) return
    // After an open it is known what is live only when the ledger has said so: by now it has.
    const work = this.#begun ? this.#work() : this.#reuse().catch(() => {})
    this.#begun = true
    this.#working = work.finally(() => (this.#working = null))
  }

  /** New messages are refused for want of room, which a checkpoint may give back, though nothing is written that would ask for one. */
  relieve(): void {
    const { disk, folder, log, shelf } = this.#deps
    if (this.#working !== null || this.#stopped || !this.#begun) return
    const nowMs = log.times().engineMs
    if (nowMs < this.#relieveAtMs) return
    this.#relieveAtMs = nowMs + RELIEVE_MS
    const isDead = [...shelf.used.values()].some((segment) => segment !== log.current && segment.liveBytes === 0)
    if (!isDead || roomOn(disk, folder) < this.#checkpointBytes * 2) return
    this.#working = this.#work().finally(() => (this.#working = null))
  }

  /** Ends what is under way; a last checkpoint makes the next open quick. */
  async stop(withCheckpoint: boolean): Promise<void> {
    this.#stopped = true
    await this.#working
    if (!withCheckpoint || this.coversAll) return
    const segments = this.#deps.shelf.used.size - this.#old().length
    if (this.#grownBytes >= this.#checkpointBytes / 4 || segments > MOST_SEGMENTS)
      await this.#checkpoint().catch(() => this.#giveUp())
  }

  /** Whether the last checkpoint vouches for the last frame. */
  get coversAll(): boolean {
    return this.#deps.log.written === this.#from?.sequence
  }

  #isDue(): boolean {
    const { limits, isTight } = this.#deps
    const grown = this.#grownBytes
    // On a full disk segments must be freed while there still is room for a checkpoint.
    return (
      grown >= Math.max(limits.checkpointBytes, CHECKPOINT_SHARE * this.#checkpointBytes) ||
      (grown >= TIGHT_BYTES && isTight())
    )
  }

  /** What the log has grown by since the last checkpoint. */
  get #grownBytes(): number {
    return this.#deps.log.writtenBytes - this.#writtenBytes
  }

  /** Never rejects: what fails here is tried again when the log has grown further, and nothing that was confirmed depends on it. */
  async #work(): Promise<void> {
    try {
      await this.#checkpoint()
      for (let sparse = this.#sparsest(); sparse !== null && !this.#stopped; sparse = this.#sparsest())
        await this.#rewrite(sparse)
    } catch {
      this.#giveUp()
    }
  }

  #giveUp(): void {
    const { disk, folder, log } = this.#deps
    this.#writtenBytes = log.writtenBytes
    try {
      removeIfThere(disk, join(folder, UNFINISHED))
    } catch {
      // The next open removes it.
    }
  }

  async #checkpoint(): Promise<void> {
    const { log, measures } = this.#deps
    const writtenBytes = log.writtenBytes
    const beganMs = log.times().engineMs
    const { from, bytes } = await writeCheckpoint(this.#deps)
    measures.checkpointMs.record(log.times().engineMs - beganMs)
    measures.checkpointBytes += bytes
    this.#from = from
    this.#checkpointBytes = bytes
    this.#writtenBytes = writtenBytes
    await this.#reuse()
  }

  /** Gives back segments that the checkpoint covers and that hold nothing live. */
  async #reuse(): Promise<void> {
    const { disk, folder, write, durable, log, shelf, cold } = this.#deps
    // A release is a decision like any other: content that comes back if the power is cut now is still needed.
    const candidates = this.#old().filter((segment) => segment.liveBytes === 0)
    if (candidates.length === 0) return
    write()
    await durable(log.written)
    if (isHeld(disk, folder)) return
    for (const segment of candidates) {
      if (segment.liveBytes !== 0 || segment.readers !== 0 || log.isToSync(segment)) continue
      cold.forget(segment)
      this.#rewritten.delete(segment)
      shelf.release(segment)
    }
  }

  /** Segments that no replay needs: neither their frames, nor the head of one without any, which links those around it. */
  #old(): Segment[] {
    const { log, shelf } = this.#deps
    const from = this.#from
    if (from === null) return []
    return [...shelf.used.values()].filter(
      (segment) =>
        segment !== log.current &&
        segment.number !== from.segment &&
        segment.first <= from.sequence &&
        segment.last <= from.sequence,
    )
  }

  #sparsest(): Segment | null {
    const { sparseFactor, slackBytes } = this.#deps.limits
    const old = this.#old().filter((segment) => segment.liveBytes > 0 && !this.#rewritten.has(segment))
    const taken = old.reduce((sum, segment) => sum + segment.capacityBytes, 0)
    const live = old.reduce((sum, segment) => sum + segment.liveBytes, 0)
    if (taken <= sparseFactor * live + slackBytes) return null
    return old.reduce((least, segment) =>
      segment.liveBytes * least.capacityBytes < least.liveBytes * segment.capacityBytes ? segment : least,
    )
  }

  /** Writes what is live in a segment again, at the end of the log. The next checkpoint then frees the segment. */
  async #rewrite(segment: Segment): Promise<void> {
    const { blocks, write, durable, log, pause } = this.#deps
    this.#rewritten.add(segment)
    let moved = 0
    for (let chunk = 0; chunk < blocks.table.chunks && segment.liveBytes > 0; chunk++) {
      if (chunk % LOOK_CHUNKS === LOOK_CHUNKS - 1) await pause()
      for (const block of blocks.table.inSegment(chunk, segment.number)) {
        moved += await this.#move(block, segment)
        if (moved < MOVE_BYTES) continue
        moved = 0
        write()
        await durable(log.written)
        await pause()
      }
    }
    write()
    await durable(log.written)
  }

  async #move(block: number, segment: Segment): Promise<number> {
    try {
      const bytes = await this.#deps.blocks.move(block, segment.number)
      this.#deps.measures.rewrittenBytes += bytes
      return bytes
    } catch (error) {
      // A damaged block stays where it is, so that whoever reads it is told.
      if (isPosthornError(error) && error.code === 'corrupt') return 0
      throw error
    }
  }
}
