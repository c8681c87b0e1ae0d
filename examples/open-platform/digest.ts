// What is kept of a repository's webhooks, as pure functions. The ids are summed (their SHA-256, modulo 2^256), so that a
// digest tells in any order, and without listing them, whether each webhook was counted exactly once.

import { createHash } from 'node:crypto'
import { z } from 'zod'

export const Digest = z.object({
  count: z.number(),
  /** Webhooks by event. */
  events: z.record(z.string(), z.number()),
  /** Sum of the SHA-256 of the ids, in hex. */
  ids: z.string(),
  bytes: z.number(),
})
export type Digest = z.infer<typeof Digest>

export interface Entry {
  readonly id: string
  readonly event: string
  readonly bytes: number
}

export const emptyDigest: Digest = { count: 0, events: {}, ids: '0'.repeat(64), bytes: 0 }

export function addToDigest(digest: Digest, { id, event, bytes }: Entry): Digest {
  return {
    count: digest.count + 1,
    events: { ...digest.events, [event]: (digest.events[event] ?? 0) + 1 },
    ids: addId(digest.ids, id),
    bytes: digest.bytes + bytes,
  }
}

/** Whether two digests say the same, whatever the order of their events. */
export function isSameDigest(one: Digest, other: Digest): boolean {
  return (
    one.count === other.count &&
    one.ids === other.ids &&
    one.bytes === other.bytes &&
    sorted(one.events) === sorted(other.events)
  )
}

/** The record of a repository's digest. */
export const digestKey = (repository: string): string => `digest/${repository}`

/** Where a webhook belongs: its repository, else the organisation, installation or person that it is about. */
export function ownerOf(payload: Payload): string {
  const account = payload.organization?.login ?? payload.installation?.account?.login ?? payload.sender?.login
  return payload.repository?.full_name ?? `${account ?? 'github'}/(no-repository)`
}

export interface Payload {
  readonly repository?: { readonly full_name: string } | undefined
  readonly organization?: { readonly login: string } | undefined
  readonly installation?: { readonly account?: { readonly login: string } | undefined } | undefined
  readonly sender?: { readonly login: string } | undefined
}

const MODULUS = 1n << 256n

function addId(sum: string, id: string): string {
  const digest = createHash('sha256').update(id).digest('hex')
  return ((BigInt(`0x${sum}`) + BigInt(`0x${digest}`)) % MODULUS).toString(16).padStart(64, '0')
}

const sorted = (events: Digest['events']): string =>
  JSON.stringify(
    Object.keys(events)
      .toSorted()
      .map((event) => [event, events[event]]),
  )
