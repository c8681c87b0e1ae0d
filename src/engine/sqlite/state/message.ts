/** A message's row as deciders see it, and the statements that move it from state to state. */
import type { State } from '../../../core/message.ts'
import type { Content } from '../wire/content.ts'
import type { Row } from '../driver/driver.ts'
import type { Statements } from '../driver/statements.ts'

/** States as numbers, in the order in which they are compared: below LEASED waits, above DEAD has ended. */
export const READY = 2
export const HELD = 3
export const DELAYED = 4
export const LEASED = 5
export const DEAD = 6
export const ACKED = 7
export const EXPIRED = 8
export const CANCELLED = 9
export const DISCARDED = 10

/** `arrived` is never stored: what is committed is placed. */
export const STATE_NAMES: readonly (State | null)[] = [
  null,
  'arrived',
  'ready',
  'held',
  'delayed',
  'leased',
  'dead',
  'acked',
  'expired',
  'cancelled',
  'discarded',
]

/** Content up to so many bytes is in the row itself. */
export const INLINE_BYTES = 2048

/** The line of a strictly ordered queue; keys are never empty. */
export const STRICT_LINE = ''

/** What decisions need of a row. */
export interface Standing {
  readonly seq: number
  readonly queue: number
  readonly id: string
  state: number
  place: number
  readonly line: string | null
  head: boolean
  readonly bytes: number
  readonly sentAt: number
  readonly due: number | null
  readonly expires: number | null
  readonly wallExpires: number | null
  readonly owner: number
  readonly handout: number
  acquired: number
  failed: number
  released: number
  readonly cancel: boolean
  history: number
  readonly report: string | null
  reason: string | null
  /** Its content is in a table of its own. */
  readonly isLarge: boolean
  /** Under which number others have the same content; null: it is its own. */
  readonly shared: number | null
  /** It has no row yet, only its place in a bundle; all that can happen to it is that it goes. */
  readonly isBundled: boolean
}

const COLUMNS =
  'seq, queue, id, state, place, line, head, bytes, sent_at, due, expires, wall_expires, owner, handout, acquired, failed, released, cancel, history, report, reason, content is null, shared'

export const MESSAGE_BY_SEQ: string = `select ${COLUMNS} from message where seq = ?`

export function toStanding(row: Row): Standing {
  return {
    seq: row[0] as number,
    queue: row[1] as number,
    id: row[2] as string,
    state: row[3] as number,
    place: row[4] as number,
    line: row[5] as string | null,
    head: row[6] === 1,
    bytes: row[7] as number,
    sentAt: row[8] as number,
    due: row[9] as number | null,
    expires: row[10] as number | null,
    wallExpires: row[11] as number | null,
    owner: row[12] as number,
    handout: row[13] as number,
    acquired: row[14] as number,
    failed: row[15] as number,
    released: row[16] as number,
    cancel: row[17] === 1,
    history: row[18] as number,
    report: row[19] as string | null,
    reason: row[20] as string | null,
    isLarge: row[21] === 1,
    shared: row[22] as number | null,
    isBundled: false,
  }
}

export const SEQ_OF_ID = 'select seq from message where queue = ? and id = ?'
export const LAST_ID = 'select max(id) from message where queue = ?'
/** As an expression on a message's row: its content, wherever it is. */
export const CONTENT =
  'coalesce(message.content, (select c.content from content c where c.seq = coalesce(message.shared, message.seq)))'
export const CONTENT_OF: string = `select split, ${CONTENT} from message where seq = ?`
export const INSERT_MESSAGE =
  'insert into message (seq, queue, id, state, rank, place, due, wall_due, expires, wall_expires, line, head, bytes, sent_at, owner, handout, process, acquired, failed, released, cancel, history, ended_at, report, reason, split, content, shared) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?) on conflict (queue, id) do nothing'

/** A message that has nothing of its own but id and content. */
export interface Plain extends Content {
  readonly id: string
  readonly report: string | null
  /** Under which number its content is stored already; null: nowhere. */
  readonly shared: number | null
}

/** Its row, as of one that was never handed out. */
export function insertPlain(
  statements: Statements,
  at: { readonly seq: number; readonly queue: number; readonly rank: number; readonly place: number },
  { id, report, split, bytes, shared }: Plain,
): void {
  const { seq, queue, rank, place } = at
  const size = bytes.byteLength - split
  statements
    .of(INSERT_MESSAGE)
    .run(
      seq,
      queue,
      id,
      READY,
      rank,
      place,
      null,
      null,
      null,
      null,
      null,
      0,
      size,
      place,
      0,
      0,
      0,
      null,
      report,
      null,
      split,
      shared === null ? bytes : null,
      shared,
    )
}

export const INSERT_CONTENT = 'insert into content (seq, content) values (?, ?)'
export const DELETE_MESSAGE = 'delete from message where seq = ?'
export const DELETE_CONTENT = 'delete from content where seq = ?'
export const DELETE_FAILURES = 'delete from failure where seq = ?'

export const SET_READY =
  'update message set state = 2, place = ?, due = null, wall_due = null, process = 0, head = line is not null where seq = ?'
export const SET_HELD =
  'update message set state = 3, place = ?, due = null, wall_due = null, process = 0 where seq = ?'
export const SET_DELAYED = 'update message set state = 4, due = ?, wall_due = ?, process = 0 where seq = ?'
export const SET_LEASED =
  'update message set state = 5, due = ?, owner = ?, handout = ?, process = ?, acquired = acquired + 1 where seq = ?'
export const SET_UNTIL = 'update message set due = ? where seq = ?'
/** Dead or ended, and kept: `place` is its turn among them. */
export const SET_OVER =
  'update message set state = ?, place = ?, ended_at = ?, reason = ?, due = null, wall_due = null, process = 0, head = 0 where seq = ?'
export const SET_REDRIVEN =
  'update message set acquired = 0, failed = 0, released = 0, cancel = 0, reason = null, ended_at = null where seq = ?'
export const SET_CANCEL = 'update message set cancel = 1 where seq = ?'
export const SET_RELEASED = 'update message set released = released + 1 where seq = ?'
export const SET_FAILED = 'update message set failed = failed + 1, history = ? where seq = ?'
export const INSERT_FAILURE = 'insert into failure (seq, n, code, failure) values (?, ?, ?, ?)'
export const DELETE_OLD_FAILURES = 'delete from failure where seq = ? and n <= ?'
export const FAILURES_OF = 'select failure from failure where seq = ? order by n'

export const HEAD_OF_LINE = 'select 1 from message where queue = ? and line = ? and head = 1'
export const FIRST_HELD = 'select seq from message where queue = ? and line = ? and state = 3 order by place limit 1'

export const FIRST_READY =
  'select rank, place, seq from message where queue = ? and state = 2 order by rank, place, seq limit 1'
export const READY_OF_RANK =
  'select rank, place, seq from message where queue = ? and rank = ? and state = 2 order by place, seq limit ?'
export const OLDEST_OF_RANK =
  'select place from message where queue = ? and rank = ? and state = 2 order by place limit 1'
export const EXPIRED_OF_QUEUE =
  'select seq from message where queue = ? and expires <= ? and state <= 4 order by expires, seq limit ?'
export const WALL_EXPIRED_OF_QUEUE =
  'select seq from message where queue = ? and wall_expires <= ? and state <= 4 order by wall_expires, seq limit ?'
export const DUE_OF_QUEUE = 'select seq from message where queue = ? and due <= ? order by due, seq limit ?'
export const WALL_DUE_OF_QUEUE =
  'select seq from message where queue = ? and wall_due <= ? order by wall_due, seq limit ?'
export const NEXT_DUE = 'select due from message where queue = ? and due is not null order by due limit 1'
export const NEXT_WALL_DUE =
  'select wall_due from message where queue = ? and wall_due is not null order by wall_due limit 1'
export const NEXT_EXPIRY =
  'select expires from message where queue = ? and expires is not null and state <= 4 order by expires limit 1'
export const NEXT_WALL_EXPIRY =
  'select wall_expires from message where queue = ? and wall_expires is not null and state <= 4 order by wall_expires limit 1'
export const OLDEST_DEAD = 'select seq, ended_at from message where queue = ? and state = 6 order by place limit 1'
export const OLDEST_ENDED = 'select seq, ended_at from message where queue = ? and state > 6 order by place limit 1'
/** What waits or is dead. */
export const DISCARDABLE = 'select seq from message where queue = ? and state in (2, 3, 4, 6) order by seq limit ?'
export const SET_HISTORY = 'update message set history = ? where seq = ?'
export const LEASED_BY =
  'select seq from message indexed by message_due where due is not null and process = 1 and owner = ? order by seq'
