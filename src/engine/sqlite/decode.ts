/** Answers of the host as the contract has them. What is given out is the receiver's: no body pins the buffer that it came in. */
import type { CommitResult, Commit, Delivery, Durability, LeaseResult, Page, RetainedEvent } from '../../core/engine.ts'
import type { Message, State, StoredFailure, StoredMessage } from '../../core/message.ts'
import type { StoredRecord } from '../../core/record.ts'
import type { PackedDecided, PackedDelivery, PackedEvent, PackedMessage, PackedRecord } from './answer.ts'
import { DELAYED, LEASED, READY, STATE_NAMES } from './state/message.ts'

export interface PackedPage<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export function decodeCommit(decided: PackedDecided, { changes }: Commit, durability: Durability): CommitResult {
  if ('code' in decided) return { status: 'refused', ...decided }
  const results = decided.results.map((result, at) => {
    if (result !== 0) return result
    const change = changes[at] as { readonly message: Message }
    return { id: change.message.id, duplicate: false }
  })
  return { status: 'committed', durability, replayed: decided.replayed, results }
}

export function decodeLease(
  {
    deliveries,
    nextReadyInMs,
  }: { readonly deliveries: readonly PackedDelivery[]; readonly nextReadyInMs: number | null },
  bytes: Uint8Array,
): LeaseResult {
  return {
    deliveries: deliveries.map(([token, leaseUntil, stored]): Delivery => ({
      token,
      leaseUntil,
      stored: decodeMessage(stored, bytes),
    })),
    nextReadyInMs,
  }
}

export function decodeMessage(packed: PackedMessage, bytes: Uint8Array): StoredMessage {
  const [queue, id, state, place, due, leaseUntil, endedAt, sentAt, acquired, failed, released, cancel, reason] = packed
  const [attributes, failures, offset, length] = packed.slice(13) as unknown as [
    string,
    readonly string[],
    number,
    number,
  ]
  return {
    queue,
    id,
    message: messageOf(attributes, bytes, offset, length),
    state: STATE_NAMES[state] as State,
    sentAt,
    readyAt: state === DELAYED ? due : state === READY || state === LEASED ? place : null,
    leaseUntil,
    endedAt,
    acquired,
    failed,
    released,
    failures: failures.map((failure) => JSON.parse(failure) as StoredFailure),
    cancelRequested: cancel,
    reason,
  }
}

export function decodeRecord(packed: PackedRecord | null, bytes: Uint8Array): StoredRecord | null {
  if (packed === null) return null
  const { key, value, version, expiresAt } = packed
  return { key, value: bytes.slice(value[0], value[0] + value[1]), version, expiresAt }
}

export function decodeEvent({ position, attributes, body }: PackedEvent, bytes: Uint8Array): RetainedEvent {
  return { position, message: messageOf(attributes, bytes, body[0], body[1]) }
}

export function decodePage<Packed, T>({ items, next }: PackedPage<Packed>, decode: (item: Packed) => T): Page<T> {
  return { items: items.map(decode), next }
}

function messageOf(attributes: string, bytes: Uint8Array, offset: number, length: number): Message {
  const message = JSON.parse(attributes) as { -readonly [Field in keyof Message]: Message[Field] }
  message.body = bytes.slice(offset, offset + length)
  return message
}
