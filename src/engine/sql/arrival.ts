/**
 * A commit inside a user's transaction, as it is written there: one text, for whatever library carries it. It is decided later, by whoever
 * decides next, so what could be refused then is refused before.
 */
import type { Change, ChangeResult, Commit } from '../../core/engine.ts'
import type { Message, When } from '../../core/message.ts'
import { faultOfCommit } from './check.ts'
import type { EngineLimits } from './limit.ts'
import { quote, refuse, type Refusal } from './refusal.ts'

const JOINED: ReadonlySet<Change['do']> = new Set(['send', 'publish', 'put', 'remove', 'ack'])

/** Why the commit cannot be part of a transaction, whatever is stored; null: it can. */
export function faultOfJoined(
  commit: Commit,
  limits: EngineLimits,
): { readonly at: number; readonly refusal: Refusal } | null {
  const fault = faultOfCommit(commit, limits)
  if (fault !== null) return fault
  const { id, durability, changes } = commit
  if (id !== undefined)
    return { at: 0, refusal: refuse('unsupported', 'a commit inside a transaction has no id: the transaction is it') }
  if (durability !== undefined && durability !== 'joined')
    return {
      at: 0,
      refusal: refuse(
        'unsupported',
        `durability is ${quote(durability)}: inside a transaction it is 'joined', as durable as the transaction`,
      ),
    }
  for (const [at, change] of changes.entries()) {
    if (!JOINED.has(change.do))
      return {
        at,
        refusal: refuse('unsupported', `do is ${quote(change.do)}: a transaction takes ${[...JOINED].join(', ')}`),
      }
    if ('ifVersion' in change && change.ifVersion !== undefined)
      return {
        at,
        refusal: refuse(
          'unsupported',
          'ifVersion is set: a version is compared when the transaction has committed, too late to refuse it; compare in a table of your own, or put outside the transaction',
        ),
      }
  }
  return null
}

interface PackedMessage extends Omit<Message, 'body'> {
  readonly body: string
}

export function encodeArrival(changes: readonly Change[]): string {
  return JSON.stringify(
    changes.map((change) => {
      if (change.do === 'put') return { ...change, value: toText(change.value) }
      if (change.do !== 'send' && change.do !== 'publish') return change
      return { ...change, message: { ...change.message, body: toText(change.message.body) } }
    }),
  )
}

/** @param ageMs how long ago it was given: relative times count from there */
export function decodeArrival(text: string, ageMs: number): Change[] {
  return (JSON.parse(text) as Change[]).map((change) => {
    if (change.do === 'put') return { ...change, value: toBytes(change.value as unknown as string) }
    if (change.do !== 'send' && change.do !== 'publish') return change
    const { body, ...message } = change.message as unknown as PackedMessage
    return { ...change, message: { ...aged(message, ageMs), body: toBytes(body) } }
  })
}

function aged(message: Omit<Message, 'body'>, ageMs: number): Omit<Message, 'body'> {
  const { delay, expires } = message
  return {
    ...message,
    ...(delay === undefined ? {} : { delay: later(delay, ageMs) }),
    ...(expires === undefined ? {} : { expires: later(expires, ageMs) }),
  }
}

const later = (when: When, ageMs: number): When =>
  'at' in when ? when : { afterMs: Math.max(0, when.afterMs - Math.max(0, ageMs)) }

const toText = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

function toBytes(text: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = Buffer.from(text, 'base64')
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** What the sender of each change is told: what is known of duplicates by then, by the number of the change. */
export function resultsOfJoined(
  changes: readonly Change[],
  firsts: ReadonlyMap<number, string>,
): readonly ChangeResult[] {
  return changes.map((change, at) => {
    if (change.do !== 'send' && change.do !== 'publish') return null
    const first = firsts.get(at)
    const result = { id: first ?? change.message.id, duplicate: first !== undefined }
    // It is routed when the transaction has committed.
    return change.do === 'send' ? result : { ...result, routed: 0 }
  })
}

/** Where a dedupe text holds. */
export function scopeOf(change: Extract<Change, { readonly do: 'send' | 'publish' }>): string {
  return change.do === 'send' ? `queue ${change.queue}` : `topic ${change.topic}`
}
