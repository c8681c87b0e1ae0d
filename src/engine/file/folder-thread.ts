/**
 * The thread that works on whole folders: a backup, a restore, a repair. They read and compute for long, and a process that serves has
 * better things to do.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { isPosthornError, type ErrorCode } from '../../core/error.ts'
import { backupFolder, type BackupReport } from './backup/backup.ts'
import { restoreFolder } from './backup/restore.ts'
import { repairFolder, type RepairReport } from './repair/repair.ts'

export interface FolderTask {
  readonly task: 'backup' | 'restore' | 'repair'
  readonly from: string
  readonly to: string
}

export type FolderAnswer =
  | { readonly progress: readonly [done: number, total: number] }
  | { readonly report: BackupReport | RepairReport }
  | {
      readonly error: {
        /** null: not of the table; a defect, or an error of the disk. */
        readonly code: ErrorCode | null
        readonly message: string
        readonly details: Readonly<Record<string, unknown>>
      }
    }

const TASKS = { backup: backupFolder, restore: restoreFolder, repair: repairFolder } as const
/** Progress is told no more often: a message for every piece would cost more than the piece. */
const STEPS = 200

async function run({ task, from, to }: FolderTask): Promise<void> {
  const answer = (value: FolderAnswer): void => parentPort!.postMessage(value)
  let told = 0
  const onProgress = (done: number, total: number): void => {
    if (done < total && done - told < total / STEPS) return
    told = done
    answer({ progress: [done, total] })
  }
  try {
    answer({ report: await TASKS[task](from, to, { onProgress }) })
  } catch (error) {
    const { message } = error as Error
    if (isPosthornError(error)) answer({ error: { code: error.code, message, details: error.details } })
    else if ((error as { readonly code?: string }).code === 'ENOSPC')
      answer({ error: { code: 'disk-full', message: `there is no room for it: ${message}`, details: { folder: to } } })
    else answer({ error: { code: null, message, details: {} } })
  }
}

if (parentPort !== null) await run(workerData as FolderTask)
