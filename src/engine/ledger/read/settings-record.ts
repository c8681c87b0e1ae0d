/** Settings of queues, topics and subscriptions as the records that show them. */
import { toJsonBytes } from '../../../core/json.ts'
import type { StoredRecord } from '../../../core/record.ts'
import { isSettingsKey } from '../../../core/record.ts'
import { toVersion } from '../decide/desk.ts'
import type { LedgerState } from '../state/state.ts'

/** The version of a record or of settings; 0 where there is none, or it has expired. */
export function versionOf(state: LedgerState, key: string, wall: number): number {
  if (isSettingsKey(key)) return findSettings(state, key)?.version ?? 0
  const row = state.records.find(key)
  return row === undefined || (row.expiresAt !== null && row.expiresAt <= wall) ? 0 : row.version
}

/** null where nothing was ever set. */
export function settingsRecord(state: LedgerState, key: string): StoredRecord | null {
  const found = findSettings(state, key)
  return found === null
    ? null
    : { key, value: toJsonBytes(found.value), version: toVersion(found.version), expiresAt: null }
}

function findSettings(state: LedgerState, key: string): { readonly value: unknown; readonly version: number } | null {
  const [kind, first = '', second] = key.split('/')
  if (kind === 'queue') {
    const queue = state.queueByName.get(first)
    return queue === undefined || queue.version === 0 ? null : { value: queue.settings, version: queue.version }
  }
  if (kind === 'topic') {
    const topic = state.topicByName.get(first)
    return topic === undefined || topic.version === 0 ? null : { value: topic.retention, version: topic.version }
  }
  const subscription = second === undefined ? undefined : state.subscription(first, second)
  return subscription === undefined ? null : { value: subscription.stored(), version: subscription.row.version }
}
