// The verdict: from the receipts, and from what is found once everything is quiet. A pure function, so that a test can show it
// what it must see.

import type { Receipt } from './receipt.ts'
import { addKey, emptyShard, SHARDS, shardOf, type Shard } from './shard.ts'

export interface Found {
  /** How often each key of a `count` was counted. */
  readonly counted: ReadonlyMap<string, number>
  readonly shards: readonly Shard[]
  /** Ids of the inbox that are still in its queue, dead ones included. */
  readonly inInbox: ReadonlySet<string>
}

export interface Verdict {
  readonly sent: number
  readonly unknown: number
  readonly acked: number
  readonly leased: number
  readonly kills: number
  /** Sentences, each about one broken promise. */
  readonly breaches: readonly string[]
}

export function judge(receipts: readonly Receipt[], found: Found): Verdict {
  const sends = receipts.filter((receipt) => receipt.did === 'send')
  const breaches = [
    ...lostOrDoubled(sends, found),
    ...lostFromInbox(receipts, found),
    ...handedOutAfterAck(receipts),
    ...wrongShards(found),
  ]
  const count = (did: Receipt['did'], answer?: string): number =>
    receipts.filter(
      (receipt) => receipt.did === did && (answer === undefined || ('answer' in receipt && receipt.answer === answer)),
    ).length
  return {
    sent: count('send', 'confirmed'),
    unknown: count('send', 'unknown'),
    acked: count('ack', 'ok'),
    leased: count('lease'),
    kills: count('kill'),
    breaches,
  }
}

function lostOrDoubled(sends: readonly Extract<Receipt, { did: 'send' }>[], { counted }: Found): string[] {
  const confirmed = new Set(
    sends.filter(({ queue, answer }) => queue === 'count' && answer === 'confirmed').map(({ key }) => key),
  )
  return [...counted].flatMap(([key, times]) => {
    if (times > 1) return [`key ${key} was counted ${times} times`]
    return times === 0 && confirmed.has(key) ? [`key ${key} was confirmed and never counted`] : []
  })
}

function lostFromInbox(receipts: readonly Receipt[], { inInbox }: Found): string[] {
  const ended = new Set(
    receipts.flatMap((receipt) => (receipt.did === 'ack' && receipt.answer !== 'stale' ? [receipt.id] : [])),
  )
  return receipts.flatMap((receipt) => {
    if (receipt.did !== 'send' || receipt.queue !== 'inbox' || receipt.id === null) return []
    return ended.has(receipt.id) || inInbox.has(receipt.id)
      ? []
      : [`inbox message ${receipt.id} was confirmed, never acked, and is gone`]
  })
}

/** Hand-outs are numbered: a number above that of the confirmed ack is a later one, whenever its answer arrived. */
function handedOutAfterAck(receipts: readonly Receipt[]): string[] {
  const acked = new Map<string, number>()
  for (const receipt of receipts)
    if (receipt.did === 'ack' && receipt.answer === 'ok') acked.set(receipt.id, receipt.acquired)
  return receipts.flatMap((receipt) => {
    if (receipt.did !== 'lease') return []
    const last = acked.get(receipt.id)
    return last !== undefined && receipt.acquired > last
      ? [`inbox message ${receipt.id} was handed out (${receipt.acquired}) after its confirmed ack (${last})`]
      : []
  })
}

function wrongShards({ counted, shards }: Found): string[] {
  const expected: Shard[] = Array.from({ length: SHARDS }, () => emptyShard)
  for (const [key, times] of counted)
    if (times > 0) expected[shardOf(key)] = addKey(expected[shardOf(key)] ?? emptyShard, key)
  return expected.flatMap(({ count, sum }, at) => {
    const shard = shards[at] ?? emptyShard
    return shard.count === count && shard.sum === sum
      ? []
      : [
          `digest ${at} has ${shard.count} keys (sum ${shard.sum.slice(0, 8)}), ${count} were counted (sum ${sum.slice(0, 8)})`,
        ]
  })
}
