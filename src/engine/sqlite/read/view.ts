/** A message's row as everybody is to see it, with its body and failures. */
import type { Content } from '../wire/content.ts'
import type { Desk } from '../desk.ts'
import type { Row } from '../driver/driver.ts'
import { BUNDLE_SIZE, seqOf, type Bundle } from '../state/bundle.ts'
import { CONTENT, CONTENT_OF, FAILURES_OF, LEASED, READY } from '../state/message.ts'

const COLUMNS = `seq, queue, state, place, due, wall_due, ended_at, sent_at, acquired, failed, released, cancel, history, reason, bytes, expires, wall_expires, split, ${CONTENT}, rank`
export const VIEW_BY_SEQ: string = `select ${COLUMNS} from message where seq = ?`
/** What may be handed out next, by priority and place. */
export const READY_VIEWS: string = `select ${COLUMNS} from message where queue = ? and state = 2 order by rank, place, seq limit ?`

/** As it travels to who asked: made into a `StoredMessage` there. */
export interface StoredRow extends Content {
  readonly seq: number
  readonly queue: string
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
  readonly size: number
  readonly expires: number | null
  readonly wallExpires: number | null
  /** Each as JSON. */
  readonly failures: readonly string[]
}

const NO_FAILURES: readonly string[] = []

export function toStored(desk: Desk, queue: string, row: Row): StoredRow {
  const seq = row[0] as number
  const state = row[2] as number
  const due = row[4] as number | null
  return {
    seq,
    queue,
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
    size: row[14] as number,
    expires: row[15] as number | null,
    wallExpires: row[16] as number | null,
    split: row[17] as number,
    bytes: row[18] as Uint8Array,
    failures:
      row[12] === 0
        ? NO_FAILURES
        : desk.statements
            .of(FAILURES_OF)
            .all(seq)
            .map(([failure]) => failure as string),
  }
}

/** One that is there, with a row or in a bundle. */
export function viewOf(desk: Desk, queue: string, seq: number): StoredRow {
  const bundle = desk.bundles.of(seq)
  return bundle === undefined
    ? toStored(desk, queue, desk.statements.of(VIEW_BY_SEQ).first(seq)!)
    : toBundled(desk.bundles.load(bundle), seq % BUNDLE_SIZE, queue)
}

/** A message of a bundle that is loaded. */
export function toBundled(bundle: Bundle, at: number, queue: string): StoredRow {
  const run = bundle.runOf(at)
  return {
    ...bundle.content.of(at),
    seq: seqOf(bundle, at),
    queue,
    state: run === undefined ? READY : LEASED,
    place: bundle.place,
    due: run?.until ?? null,
    leaseUntil: run?.until ?? null,
    endedAt: null,
    sentAt: bundle.place,
    acquired: run === undefined ? 0 : 1,
    failed: 0,
    released: 0,
    cancel: false,
    reason: null,
    size: bundle.content.bodySizeOf(at),
    expires: null,
    wallExpires: null,
    failures: NO_FAILURES,
  }
}

export function contentOf(desk: Desk, seq: number): Content {
  const bundle = desk.bundles.of(seq)
  if (bundle !== undefined) return desk.bundles.load(bundle).content.of(seq % BUNDLE_SIZE)
  const [split, bytes] = desk.statements.of(CONTENT_OF).first(seq)!
  return { split: split as number, bytes: bytes as Uint8Array }
}
