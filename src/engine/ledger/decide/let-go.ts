/**
 * What is only said of a message that its worker has let go of: that it has ended, and records of how, which nobody watches. Nobody waits for
 * it to be durable before he goes on, so that it may itself wait for others to share a sync with.
 */
import type { Change } from '../../../core/engine.ts'

export interface WatchedKeys {
  watchesKey(key: string): boolean
}

const ENDS: ReadonlySet<Change['do']> = new Set(['ack', 'bury', 'drop'])

export function isLetGo(changes: readonly Change[], watched: WatchedKeys): boolean {
  if (changes.length === 0 || !ENDS.has(changes[0]!.do)) return false
  for (let at = 1; at < changes.length; at++) {
    const change = changes[at]!
    if (change.do !== 'put' || change.ifVersion !== undefined || watched.watchesKey(change.key)) return false
  }
  return true
}
