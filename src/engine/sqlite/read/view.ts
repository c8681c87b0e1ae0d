/** A message's row as everybody is to see it, with its body and failures. */
import type { Desk } from '../desk.ts'
import type { Row } from '../driver/driver.ts'
import { FAILURES_OF, INLINE_BYTES, LEASED } from '../state/message.ts'

const COLUMNS =
  'seq, id, state, place, due, wall_due, ended_at, sent_at, acquired, failed, released, cancel, history, reason, bytes, expires, wall_expires, attributes, body'
export const VIEW_BY_SEQ: string = `select ${COLUMNS} from message where seq = ?`
const CONTENT = 'select body from content where seq = ?'

/** As it travels to who asked: made into a `StoredMessage` there. */
export interface StoredRow {
  readonly seq: number
  readonly queue: string
  readonly id: string
  state: number
  readonly place: number
  /** Until when it is delayed, on whichever clock. */
  readonly due: number | null
  leaseUntil: number | null
  readonly endedAt: number | null
  readonly sentAt: number
  acquired: number
  readonly failed: number
  readonly released: number
  readonly cancel: boolean
  readonly reason: string | null
  readonly bytes: number
  readonly expires: number | null
  readonly wallExpires: number | null
  readonly attributes: string
  /** Each as JSON. */
  readonly failures: readonly string[]
  readonly body: Uint8Array
}

const NO_FAILURES: readonly string[] = []

export function toStored(desk: Desk, queue: string, row: Row): StoredRow {
  const seq = row[0] as number
  const state = row[2] as number
  const bytes = row[14] as number
  const due = row[4] as number | null
  return {
    seq,
    queue,
    id: row[1] as string,
    state,
    place: row[3] as number,
    due: due ?? (row[5] as number | null),
    leaseUntil: state === LEASED ? due : null,
    endedAt: row[6] as number | null,
    sentAt: row[7] as number,
    acquired: row[8] as number,
    failed: row[9] as number,
    released: row[10] as number,
    cancel: row[11] === 1,
    reason: row[13] as string | null,
    bytes,
    expires: row[15] as number | null,
    wallExpires: row[16] as number | null,
    attributes: row[17] as string,
    failures:
      row[12] === 0
        ? NO_FAILURES
        : desk.statements
            .of(FAILURES_OF)
            .all(seq)
            .map(([failure]) => failure as string),
    body: (bytes > INLINE_BYTES ? desk.statements.of(CONTENT).first(seq)![0] : row[18]) as Uint8Array,
  }
}
