/** Answers of the host as the contract has them. What is given out is the receiver's: no body pins the buffer that it came in. */
import type {
  CommitResult,
  Commit,
  Delivery,
  Durability,
  LeaseResult,
  Page,
  RetainedEvent,
} from '../../../core/engine.ts'
import type { Message, State, StoredFailure, StoredMessage } from '../../../core/message.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { PackedDecided, PackedEvent, PackedLease, PackedMessage, PackedRecord, PackedRun } from './answer.ts'
import { toToken } from '../decide/token.ts'
import { DELAYED, LEASED, READY, STATE_NAMES } from '../state/message.ts'

const NO_FAILURES: readonly StoredFailure[] = []
const POOL_BYTES = 8_192

export interface PackedPage<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export function decodeCommit(decided: PackedDecided, { changes }: Commit, durability: Durability): CommitResult {
  if ('code' in decided) return { status: 'refused', ...decided }
  const results = decided.results.map((result, at) => {
    if (result !== 0) return result
    const change = changes[at]!
    return change.do === 'send' ? { id: change.message.id, duplicate: false } : null
  })
  return { status: 'committed', durability, replayed: decided.replayed, results }
}

export function decodeLease({ given, nextReadyInMs }: PackedLease, bytes: Buffer): LeaseResult {
  const deliveries: Delivery[] = []
  for (const each of given) {
    if ('ends' in each) decodeRun(each, bytes, deliveries)
    else deliveries.push({ token: each.token, leaseUntil: each.until, stored: decodeMessage(each.message, bytes) })
  }
  return { deliveries, nextReadyInMs }
}

function decodeRun(run: PackedRun, bytes: Buffer, deliveries: Delivery[]): void {
  const { queue, sentAt, until, owner, seq, handout, gone, ends } = run
  const [start, size] = run.content
  const copies = new Copies(size)
  for (let at = 0, from = 0; at * 2 < ends.length; from = ends[at * 2 + 1]!, at++) {
    if (gone.includes(at)) continue
    const message = messageOf(bytes, start + from, ends[at * 2]! - from, ends[at * 2 + 1]! - from, copies)
    const stored: StoredMessage = {
      queue,
      id: message.id,
      message,
      state: 'leased',
      sentAt,
      readyAt: sentAt,
      leaseUntil: until,
      endedAt: null,
      acquired: 1,
      failed: 0,
      released: 0,
      failures: NO_FAILURES,
      cancelRequested: false,
      reason: null,
    }
    deliveries.push({ token: toToken(owner, seq + at, handout + at), leaseUntil: until, stored })
  }
}

export function decodeMessage(packed: PackedMessage, bytes: Buffer): StoredMessage {
  const [queue, state, place, due, leaseUntil, endedAt, sentAt, acquired, failed, released] = packed
  const message = messageOf(bytes, packed[13], packed[14], packed[15])
  return {
    queue,
    id: message.id,
    message,
    state: STATE_NAMES[state] as State,
    sentAt,
    readyAt: state === DELAYED ? due : state === READY || state === LEASED ? place : null,
    leaseUntil,
    endedAt,
    acquired,
    failed,
    released,
    failures: packed[12] === null ? NO_FAILURES : packed[12].map((failure) => JSON.parse(failure) as StoredFailure),
    cancelRequested: packed[10],
    reason: packed[11],
  }
}

export function decodeRecord(packed: PackedRecord | null, bytes: Buffer): StoredRecord | null {
  if (packed === null) return null
  const { key, value, version, expiresAt } = packed
  return { key, value: new Copies(0).of(bytes, value[0], value[0] + value[1]), version, expiresAt }
}

export function decodeEvent({ position, split, content }: PackedEvent, bytes: Buffer): RetainedEvent {
  return { position, message: messageOf(bytes, content[0], split, content[1]) }
}

export function decodePage<Packed, T>({ items, next }: PackedPage<Packed>, decode: (item: Packed) => T): Page<T> {
  return { items: items.map(decode), next }
}

function messageOf(
  bytes: Buffer,
  offset: number,
  split: number,
  length: number,
  copies: Copies = new Copies(0),
): Message {
  const text = bytes.toString('utf8', offset, offset + split)
  const message = JSON.parse(text) as { -readonly [Field in keyof Message]: Message[Field] }
  message.body = copies.of(bytes, offset + split, offset + length)
  return message
}

/** Bodies for the receiver. Those that come together share what they are copied to, a few each. */
class Copies {
  /** Of what is still to be copied. */
  #left: number
  #pool = new Uint8Array(0)
  #used = 0

  constructor(bytes: number) {
    this.#left = bytes
  }

  of(bytes: Buffer, start: number, end: number): Uint8Array {
    const size = end - start
    if (this.#used + size > this.#pool.byteLength) {
      this.#pool = new Uint8Array(Math.max(size, Math.min(this.#left, POOL_BYTES)))
      this.#used = 0
    }
    this.#left -= size
    bytes.copy(this.#pool, this.#used, start, end)
    return this.#pool.subarray(this.#used, (this.#used += size))
  }
}
