/** Answers of the host as the contract has them. What is given out is the receiver's: no body pins the buffer that it came in. */
import type { CommitResult, Commit, Delivery, Durability, LeaseResult, Page, RetainedEvent } from '../../core/engine.ts'
import type { Message, State, StoredFailure, StoredMessage } from '../../core/message.ts'
import type { StoredRecord } from '../../core/record.ts'
import type { PackedDecided, PackedEvent, PackedLease, PackedMessage, PackedRecord } from './answer.ts'
import { DELIVERY_WORDS } from './request.ts'
import { DELAYED, LEASED, READY, STATE_NAMES } from './state/message.ts'

const NO_FAILURES: readonly StoredFailure[] = []

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

export function decodeLease({ words, nextReadyInMs }: PackedLease, bytes: Uint8Array): LeaseResult {
  const deliveries: Delivery[] = []
  for (let at = 0; at < words.length; at += DELIVERY_WORDS) {
    const stored = decodeMessage(words.slice(at + 2, at + DELIVERY_WORDS) as unknown as PackedMessage, bytes)
    deliveries.push({ token: words[at] as string, leaseUntil: words[at + 1] as number, stored })
  }
  return { deliveries, nextReadyInMs }
}

export function decodeMessage(packed: PackedMessage, bytes: Uint8Array): StoredMessage {
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

export function decodeRecord(packed: PackedRecord | null, bytes: Uint8Array): StoredRecord | null {
  if (packed === null) return null
  const { key, value, version, expiresAt } = packed
  return { key, value: bytes.slice(value[0], value[0] + value[1]), version, expiresAt }
}

export function decodeEvent({ position, split, content }: PackedEvent, bytes: Uint8Array): RetainedEvent {
  return { position, message: messageOf(bytes, content[0], split, content[1]) }
}

export function decodePage<Packed, T>({ items, next }: PackedPage<Packed>, decode: (item: Packed) => T): Page<T> {
  return { items: items.map(decode), next }
}

function messageOf(bytes: Uint8Array, offset: number, split: number, length: number): Message {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + offset, split).toString()
  const message = JSON.parse(text) as { -readonly [Field in keyof Message]: Message[Field] }
  message.body = bytes.slice(offset + split, offset + length)
  return message
}
