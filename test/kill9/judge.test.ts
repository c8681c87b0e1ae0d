// The judge must see what it is there to see.

import { deepEqual, match } from 'node:assert/strict'
import { test } from 'node:test'
import { judge, type Found } from './judge.ts'
import type { Receipt } from './receipt.ts'
import { addKey, emptyShard, SHARDS, shardOf, type Shard } from './shard.ts'

const confirmed = (queue: 'count' | 'inbox', key: string): Receipt => ({
  did: 'send',
  queue,
  key,
  id: key,
  answer: 'confirmed',
})

function found(counted: Readonly<Record<string, number>>, inInbox: readonly string[] = []): Found {
  const shards: Shard[] = Array.from({ length: SHARDS }, () => emptyShard)
  for (const [key, times] of Object.entries(counted))
    if (times > 0) shards[shardOf(key)] = addKey(shards[shardOf(key)] ?? emptyShard, key)
  return { counted: new Map(Object.entries(counted)), shards, inInbox: new Set(inInbox) }
}

test('all is well', () => {
  const receipts: Receipt[] = [
    confirmed('count', 'a'),
    { did: 'send', queue: 'count', key: 'b', id: null, answer: 'unknown' },
    confirmed('inbox', 'm'),
    { did: 'lease', id: 'm', acquired: 1 },
    { did: 'ack', id: 'm', acquired: 1, answer: 'unknown' },
    { did: 'lease', id: 'm', acquired: 2 },
    { did: 'ack', id: 'm', acquired: 2, answer: 'ok' },
    confirmed('inbox', 'n'),
  ]
  deepEqual(judge(receipts, found({ a: 1, b: 0 }, ['n'])).breaches, [])
})

test('a confirmed message that is lost', () => {
  match(judge([confirmed('count', 'a')], found({ a: 0 })).breaches.join(), /key a was confirmed and never counted/)
  match(
    judge([confirmed('inbox', 'm')], found({})).breaches.join(),
    /message m was confirmed, never acked, and is gone/,
  )
})

test('a message that is handed out after its confirmed ack', () => {
  const receipts: Receipt[] = [
    { did: 'lease', id: 'm', acquired: 1 },
    { did: 'lease', id: 'm', acquired: 2 },
    { did: 'ack', id: 'm', acquired: 1, answer: 'ok' },
  ]
  match(judge(receipts, found({})).breaches.join(), /handed out \(2\) after its confirmed ack \(1\)/)
})

test('a digest counted twice', () => {
  match(judge([confirmed('count', 'a')], found({ a: 2 })).breaches.join(), /counted 2 times/)
  const doubled = found({ a: 1 })
  const shards = doubled.shards.map((shard) => (shard.count === 1 ? addKey(shard, 'a') : shard))
  match(judge([confirmed('count', 'a')], { ...doubled, shards }).breaches.join(), /has 2 keys .* 1 were counted/)
})
