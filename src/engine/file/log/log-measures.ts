/**
 * What the log counts of itself: how long syncs take and how many commits share one, what is written for what reason. A number is
 * added where something happens once per frame or rarer, nothing is allocated, and all is put together only when somebody asks.
 */
import { Histogram } from '../../../core/histogram.ts'
import type { Measure } from '../../../core/measure.ts'
import type { Disk } from '../disk/disk.ts'
import type { Log } from './log.ts'
import { roomOn } from './room.ts'
import type { Shelf } from './shelf.ts'
import type { Space } from './space.ts'

const SYNC_SECONDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
const CHECKPOINT_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300]
const GROUP = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

export class LogMeasures {
  readonly syncMs: Histogram = new Histogram()
  readonly group: Histogram = new Histogram()
  readonly checkpointMs: Histogram = new Histogram()
  checkpointBytes = 0
  rewrittenBytes = 0
  /** At open: frames of which one bit had turned. */
  mendedFrames = 0
  /** Commits that wait for the next sync. */
  #asking = 0

  /** So many commits are to be made durable. */
  asked(commits: number): void {
    this.#asking += commits
  }

  /** A sync begins: those who have asked by now share it. */
  begun(): void {
    if (this.#asking > 0) this.group.record(this.#asking)
    this.#asking = 0
  }
}

export interface MeasuredLog {
  readonly measures: LogMeasures
  readonly disk: Disk
  readonly folder: string
  readonly log: Log
  readonly shelf: Shelf
  readonly space: Space
}

export function measure({ measures, disk, folder, log, shelf, space }: MeasuredLog): readonly Measure[] {
  const { syncMs, group, checkpointMs, checkpointBytes, rewrittenBytes } = measures
  const frames = log.writtenBytes
  const filled = shelf.filledBytes + shelf.reserve.filledBytes
  const first = frames - rewrittenBytes
  const freeBytes = roomOn(disk, folder)
  return [
    seconds('posthorn_log_sync_seconds', 'fdatasync of the log, as a commit waits for it.', syncMs, SYNC_SECONDS),
    {
      name: 'posthorn_log_group_commits',
      help: 'Commits that one fdatasync made durable together.',
      kind: 'histogram',
      values: group,
      per: 1,
      bounds: GROUP,
    },
    counter('posthorn_log_frames_total', 'Frames written since the start.', log.writtenFrames),
    ...Object.entries({ frames, checkpoints: checkpointBytes, filling: filled }).map(([what, bytes]) => ({
      ...counter('posthorn_log_written_bytes_total', 'Bytes written since the start, by what for.', bytes),
      labels: { what },
    })),
    counter(
      'posthorn_log_rewritten_bytes_total',
      'Of the frames: content moved out of sparse segments.',
      rewrittenBytes,
    ),
    counter(
      'posthorn_log_mended_frames_total',
      'Frames at the end of the log of which one bit had turned when it was opened: a disk or a memory that does so is not to be trusted.',
      measures.mendedFrames,
    ),
    gauge(
      'posthorn_log_write_amplification',
      'Bytes written since the start by those that decisions took the first time; 0 before there are any. Zeros ahead of need are not in it: what="filling" above.',
      first > 0 ? (frames + checkpointBytes) / first : 0,
    ),
    seconds(
      'posthorn_log_checkpoint_seconds',
      'Writing a checkpoint, pauses included.',
      checkpointMs,
      CHECKPOINT_SECONDS,
    ),
    ...Object.entries({ used: shelf.used.size, free: shelf.freeCount }).map(([state, count]) => ({
      ...gauge(
        'posthorn_log_segments',
        'Segments: used by the log or holding what is needed, or free to be used again.',
        count,
      ),
      labels: { state },
    })),
    ...Object.entries({ used: shelf.sizes.usedBytes, live: shelf.sizes.liveBytes, free: shelf.freeBytes }).map(
      ([state, bytes]) => ({
        ...gauge(
          'posthorn_log_bytes',
          'Bytes of the segments in use, of the content in them that is needed, of free ones.',
          bytes,
        ),
        labels: { state },
      }),
    ),
    ...(Number.isFinite(freeBytes)
      ? [gauge('posthorn_disk_free_bytes', 'Room on the disk of the folder.', freeBytes)]
      : []),
    gauge('posthorn_disk_min_free_bytes', 'Below this new messages are refused.', space.minFreeBytes),
    gauge('posthorn_disk_refusing', '1 while new messages are refused for want of room.', space.isRefusing ? 1 : 0),
  ]
}

function seconds(name: string, help: string, values: Histogram, bounds: readonly number[]): Measure {
  return { name, help, kind: 'histogram', values, per: 1_000, bounds }
}

function counter(name: string, help: string, value: number): Measure {
  return { name, help, kind: 'counter', value }
}

function gauge(name: string, help: string, value: number): Measure {
  return { name, help, kind: 'gauge', value }
}
