/** Who has a file engine's folder open, by its lock (docs/reference/file-format.md), and how to learn that it has changed hands. */
import { existsSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'

export interface Holder {
  readonly pid: number
  readonly host: string
  /** Where it answers, and with which key; null where it does not. */
  readonly address: string | null
  readonly key: string | undefined
}

const LOCK = 'lock'
/** Where changes of the folder are not told (a network file system), and for a lock whose holder has died. */
const LOOK_MS = 5_000

/** null where nobody has it open. A lock that is just being written is nobody's yet. */
export function readHolder(folder: string): Holder | null {
  try {
    const { pid, host, address, keyFile } = JSON.parse(readFileSync(join(folder, LOCK), 'utf8')) as {
      readonly pid: number
      readonly host: string
      readonly address: string | null
      readonly keyFile: string | null
    }
    const key = keyFile !== null && existsSync(keyFile) ? readFileSync(keyFile, 'utf8').trim() : undefined
    return { pid, host, address, key }
  } catch {
    return null
  }
}

/** Resolves when the lock has changed, or after a while, or when the signal aborts. It looks from the call on. */
export function lockChanged(folder: string, clock: Clock, signal: AbortSignal): Promise<void> & Disposable {
  const changed = Promise.withResolvers<void>()
  const timer = clock.timer(LOOK_MS, changed.resolve)
  const watcher = watchFolder(folder, (name) => {
    if (name === null || name === LOCK) changed.resolve()
  })
  const end = (): void => changed.resolve()
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  return Object.assign(changed.promise, {
    [Symbol.dispose]() {
      signal.removeEventListener('abort', end)
      timer[Symbol.dispose]()
      watcher?.close()
    },
  })
}

function watchFolder(folder: string, told: (name: string | null) => void): { close(): void } | null {
  try {
    const watcher = watch(folder, (_event, name) => told(name))
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return null
  }
}
