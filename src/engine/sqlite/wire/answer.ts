/** Answers one call: what it decides or reads, as it travels back. */
import type { ChangeResult } from '../../../core/engine.ts'
import { decideCommit, type Decided } from '../decide/commit.ts'
import { findSeq } from '../decide/by-id.ts'
import { extend, lease, nextReadyInMs, type Delivered, type DeliveredRun, type LeaseMemory } from '../decide/lease.ts'
import { settleTouched, sweep } from '../decide/sweep.ts'
import type { Desk } from '../desk.ts'
import type { Packer } from './packer.ts'
import { browse, depths } from '../read/browse.ts'
import { readEvents } from '../read/events.ts'
import { getRecord, listRecords } from '../read/records.ts'
import { viewOf, type StoredRow } from '../read/view.ts'
import type { Call, SentChange, Span } from './request.ts'
import { seqOf } from '../state/bundle.ts'
import type { StoredRecord } from '../../../core/record.ts'

/** A message's columns, its content among the packed. */
export type PackedMessage = readonly [
  queue: string,
  state: number,
  place: number,
  due: number | null,
  leaseUntil: number | null,
  endedAt: number | null,
  sentAt: number,
  acquired: number,
  failed: number,
  released: number,
  cancel: boolean,
  reason: string | null,
  failures: readonly string[] | null,
  offset: number,
  split: number,
  length: number,
]

/** 0: a message was sent, of which the id is known where it came from; or there is nothing to say. */
export type PackedResult = ChangeResult | 0

export type PackedDecided =
  | { readonly replayed: boolean; readonly results: readonly PackedResult[] }
  | Extract<Decided, { readonly code: string }>

/** Messages of a bundle: all that is told of them apart follows from where they stand in it. */
export interface PackedRun {
  readonly queue: string
  readonly sentAt: number
  readonly until: number
  readonly owner: number
  readonly seq: number
  readonly handout: number
  /** Those of them that had gone before, counted from the first. */
  readonly gone: readonly number[]
  readonly content: Span
  /** In the content: where each one's body begins, and where it ends. */
  readonly ends: readonly number[]
}

export interface PackedAlone {
  readonly token: string
  readonly until: number
  readonly message: PackedMessage
}

export interface PackedLease {
  readonly given: readonly (PackedAlone | PackedRun)[]
  readonly nextReadyInMs: number | null
}

export interface PackedRecord extends Omit<StoredRecord, 'value'> {
  readonly value: Span
}

export interface PackedEvent {
  readonly position: string
  readonly split: number
  readonly content: Span
}

const WRITING: ReadonlySet<Call['call']> = new Set(['commit', 'lease', 'extend', 'follow', 'sweep'])

export const isWriting = ({ call }: Call): boolean => WRITING.has(call)

/** Each is decided as if it came alone: what the one before brought beyond its bounds is forgotten first. */
function catchUp(desk: Desk): void {
  if (!desk.isOverdue) return
  sweep(desk, { now: desk.now, wall: desk.wall })
  // Also what the sweep itself brought beyond: it goes on until nothing is due, or it is told as due.
  desk.isOverdue = false
}

export function answerCall(desk: Desk, requests: LeaseMemory, call: Call, packer: Packer): unknown {
  if (call.call !== 'commit') {
    catchUp(desk)
    desk.bundles.flush()
  }
  switch (call.call) {
    case 'commit':
      return call.commits.map((commit) => {
        catchUp(desk)
        return packDecided(decideCommit(desk, commit), commit.changes)
      })
    case 'lease': {
      const { id, wants } = call.request
      const recalled = requests.recall(desk, id)
      const given = recalled ?? lease(desk, call.request)
      if (recalled === null) requests.remember(id, given)
      // What had expired and was found out just now may be beyond its queue's bounds.
      settleTouched(desk)
      return packLease(given, nextReadyInMs(desk, wants), packer)
    }
    case 'extend':
      return call.tokens.map((token) => extend(desk, token, call.leaseMs))
    case 'get':
      return call.keys.map((key) => packRecord(getRecord(desk, key), packer))
    case 'list': {
      const { items, next } = listRecords(desk, call)
      return { items: items.map((record) => packRecord(record, packer)), next }
    }
    case 'find':
      return call.messages.map((ref) => {
        const seq = findSeq(desk, ref)
        return seq === undefined ? null : packMessage(viewOf(desk, ref.queue, seq), packer)
      })
    case 'browse': {
      const { items, next } = browse(desk, call.query)
      return { items: items.map((stored) => packMessage(stored, packer)), next }
    }
    case 'depth':
      return depths(desk, call.queues)
    case 'read': {
      const { items, next } = readEvents(desk, call.topic, call.from, call.limit)
      const events = items.map(({ position, split, bytes }): PackedEvent => ({
        position,
        split,
        content: packer.add(bytes),
      }))
      return { items: events, next }
    }
    case 'follow':
      desk.trail.follow(desk.owner, call.follows)
      desk.isDirty = true
      return null
    case 'look':
    case 'sweep':
    case 'close':
      return null
  }
}

function packDecided(decided: Decided, changes: readonly SentChange[]): PackedDecided {
  if ('code' in decided || decided.replayed) return decided
  return { replayed: false, results: decided.results.map((result, at) => (isPlain(result, changes[at]!) ? 0 : result)) }
}

function isPlain(result: ChangeResult, change: SentChange): boolean {
  return result === null || (change.do === 'send' && 'duplicate' in result && !result.duplicate)
}

/** Whether all there is to say of a commit call is that each did its one change. */
export function isDone(call: Call, value: unknown): boolean {
  return call.call === 'commit' && (value as readonly PackedDecided[]).every(isPlainlyDone)
}

function isPlainlyDone(decided: PackedDecided): boolean {
  return 'results' in decided && !decided.replayed && decided.results.length === 1 && decided.results[0] === 0
}

function packLease(given: readonly Delivered[], inMs: number | null, packer: Packer): PackedLease {
  const packed = given.map((each) =>
    'run' in each
      ? packRun(each, packer)
      : { token: each.token, until: each.leaseUntil, message: packMessage(each.stored, packer) },
  )
  return { given: packed, nextReadyInMs: inMs }
}

function packRun({ bundle, queue, run, gone }: DeliveredRun, packer: Packer): PackedRun {
  const { from, to, until, owner, handout } = run
  const { bytes, ends } = bundle.stretch(from, to)
  return {
    queue,
    sentAt: bundle.place,
    until,
    owner,
    seq: seqOf(bundle, from),
    handout,
    gone: gone.map((at) => at - from),
    content: packer.add(bytes),
    ends,
  }
}

function packRecord(record: StoredRecord | null, packer: Packer): PackedRecord | null {
  return record === null ? null : { ...record, value: packer.add(record.value) }
}

function packMessage(stored: StoredRow, packer: Packer): PackedMessage {
  const [offset, length] = packer.add(stored.bytes)
  return [
    stored.queue,
    stored.state,
    stored.place,
    stored.due,
    stored.leaseUntil,
    stored.endedAt,
    stored.sentAt,
    stored.acquired,
    stored.failed,
    stored.released,
    stored.cancel,
    stored.reason,
    stored.failures.length === 0 ? null : stored.failures,
    offset,
    stored.split,
    length,
  ]
}
