/**
 * Copies of the folder of a file engine: a backup while it is in use, a restore, and a repair of what is damaged. Each runs in a thread of its
 * own, so that a process which serves goes on serving.
 */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { PosthornError } from './core/error.ts'
import { checkKnown } from './core/option.ts'
import type { BackupReport } from './engine/file/backup/backup.ts'
import type { FolderAnswer, FolderTask } from './engine/file/folder-thread.ts'
import type { RepairReport } from './engine/file/repair/repair.ts'

export type { BackupReport } from './engine/file/backup/backup.ts'
export type { RepairReport } from './engine/file/repair/repair.ts'
export type { DamagedRange, Loss, LostFrames } from './engine/file/repair/loss.ts'

export interface FolderOptions {
  /** How far it is: bytes for a backup and a restore, pieces of content for a repair. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? './engine/file/folder-thread.ts' : './engine/file/folder-thread.js',
  import.meta.url,
)

/**
 * Backs up the engine in a folder, whichever process has it open, this one included: everything that was confirmed before the call is in it.
 * @param from `file:DIR` or the folder @param to a folder that is new or empty
 * @throws PosthornError `invalid`, `corrupt`, `disk-full`
 */
export async function backup(from: string, to: string, options: FolderOptions = {}): Promise<BackupReport> {
  return inThread({ task: 'backup', from: folderOf(from), to: folderOf(to) }, options) as Promise<BackupReport>
}

/**
 * Makes an engine from a backup. It is another than the one that was backed up: leases have lapsed, and tokens of the one are stale in the other.
 * @throws PosthornError `invalid` (no backup, or an unfinished one; a folder that is not empty), `corrupt`, `newer-format`, `disk-full`
 */
export async function restore(from: string, to: string, options: FolderOptions = {}): Promise<BackupReport> {
  return inThread({ task: 'restore', from: folderOf(from), to: folderOf(to) }, options) as Promise<BackupReport>
}

/**
 * Saves what can be read of a damaged folder into a new one and says what could not. The damaged one is not changed.
 * @throws PosthornError `engine-locked`, `invalid`, `newer-format`, `disk-full`
 */
export async function repair(from: string, to: string, options: FolderOptions = {}): Promise<RepairReport> {
  return inThread({ task: 'repair', from: folderOf(from), to: folderOf(to) }, options) as Promise<RepairReport>
}

function folderOf(place: unknown): string {
  if (
    typeof place !== 'string' ||
    place === '' ||
    place === 'file:' ||
    /^[a-z][a-z0-9+.-]+:(?!\\)/i.test(place) !== place.startsWith('file:')
  )
    throw new PosthornError('invalid', `${JSON.stringify(place)} is no folder: write 'file:./data' or './data'`)
  if (place.startsWith('file:///')) return fileURLToPath(place)
  return resolve(place.startsWith('file:') ? place.slice('file:'.length) : place)
}

function inThread(task: FolderTask, options: FolderOptions): Promise<unknown> {
  checkKnown(task.task, options, ['onProgress'])
  return new Promise((done, fail) => {
    const thread = new Worker(THREAD, { workerData: task, execArgv: [], name: `posthorn-${task.task}` })
    thread.on('message', (answer: FolderAnswer) => {
      if ('progress' in answer) options.onProgress?.(...answer.progress)
      else if ('report' in answer) done(answer.report)
      else fail(toError(task, answer.error))
    })
    thread.on('error', fail)
    thread.on('exit', (code) => fail(new PosthornError('engine-failed', `the ${task.task} ended with ${code}`)))
  })
}

function toError(
  { task, from }: FolderTask,
  { code, message, details }: Extract<FolderAnswer, { error: unknown }>['error'],
): PosthornError {
  return code === null
    ? new PosthornError('engine-failed', `the ${task} of ${from} failed: ${message}`, { details: { folder: from } })
    : new PosthornError(code, message, { details })
}
