/** What the engine counts of itself: how long commits take, how many calls share one, and how large its files are when somebody asks. */
import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Histogram } from '../../core/histogram.ts'
import type { Measure } from '../../core/measure.ts'

const COMMIT_SECONDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
const GROUP = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

export class Measures {
  readonly #commitMs = new Histogram()
  readonly #group = new Histogram()

  /** A transaction has ended, with so many calls in it. */
  folded(commitMs: number, calls: number): void {
    this.#commitMs.record(commitMs)
    if (calls > 0) this.#group.record(calls)
  }

  all(path: string): readonly Measure[] {
    const files = Object.entries({ database: path, log: `${path}-wal` })
    const freeBytes = freeBytesOf(path)
    return [
      {
        name: 'posthorn_sqlite_commit_seconds',
        help: 'Ends of transactions: with durability disk the fsync of the log.',
        kind: 'histogram',
        values: this.#commitMs,
        per: 1_000,
        bounds: COMMIT_SECONDS,
      },
      {
        name: 'posthorn_sqlite_group_calls',
        help: 'Calls that were one transaction together.',
        kind: 'histogram',
        values: this.#group,
        per: 1,
        bounds: GROUP,
      },
      ...files.map(([file, at]) => ({
        name: 'posthorn_sqlite_file_bytes',
        help: 'Bytes of the database and of its log.',
        kind: 'gauge' as const,
        value: statSync(at, { throwIfNoEntry: false })?.size ?? 0,
        labels: { file },
      })),
      ...(freeBytes === null
        ? []
        : [
            {
              name: 'posthorn_disk_free_bytes',
              help: 'Room on the disk of the database.',
              kind: 'gauge' as const,
              value: freeBytes,
            },
          ]),
    ]
  }
}

/** null where the file system does not say. */
export function freeBytesOf(path: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(dirname(path))
    return bavail * bsize
  } catch {
    return null
  }
}
