/** Rows as the messages that others see. */
import type { StoredFailure, StoredMessage } from '../../../core/message.ts'
import { fromAttributes } from './attributes.ts'
import type { Columns } from '../connection/driver.ts'
import { DELAYED, fromColumn, LEASED, READY, STATES } from './row.ts'

export function toStored(columns: Columns, queue: string): StoredMessage {
  const state = columns.state as number
  const id = columns.id as string
  return {
    queue,
    id,
    message: Object.assign(fromAttributes(columns.attrs as string, id, columns.report as string | null), {
      body: columns.body as Uint8Array,
    }),
    state: STATES[state]!,
    sentAt: columns.sent_at as number,
    readyAt:
      state === DELAYED
        ? (columns.due as number)
        : state === READY || state === LEASED
          ? (columns.place as number)
          : null,
    leaseUntil: columns.until as number | null,
    endedAt: columns.ended_at as number | null,
    acquired: columns.acquired as number,
    failed: columns.failed as number,
    released: columns.released as number,
    failures: columns.failures === null ? [] : (JSON.parse(columns.failures as string) as StoredFailure[]),
    cancelRequested: columns.is_cancelled as boolean,
    reason: columns.reason === null ? null : fromColumn(columns.reason as string),
  }
}
