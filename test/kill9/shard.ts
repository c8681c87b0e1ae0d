// A digest of keys: how many, and the sum of their hashes, so that one counted twice or left out shows.

import { createHash } from 'node:crypto'
import { z } from 'zod'

export const Shard = z.object({ count: z.number(), sum: z.string() })
export type Shard = z.infer<typeof Shard>

export const SHARDS = 8
export const emptyShard: Shard = { count: 0, sum: '0' }

export const shardOf = (key: string): number => Number.parseInt(hash(key).slice(0, 4), 16) % SHARDS

/** One key in ten fails at its first attempt. */
export const fails = (key: string): boolean => Number.parseInt(hash(key).slice(4, 8), 16) % 10 === 0

export function addKey(shard: Shard, key: string): Shard {
  return {
    count: shard.count + 1,
    sum: ((BigInt(`0x${shard.sum}`) + BigInt(`0x${hash(key)}`)) % (1n << 256n)).toString(16),
  }
}

const hash = (key: string): string => createHash('sha256').update(key).digest('hex')
