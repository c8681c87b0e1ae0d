/**
 * A Map that may hold millions: beyond a few thousand it is spread over many, because one alone copies itself whenever it has doubled, and
 * everything stands still meanwhile.
 */

/** One Map is enough for so many. */
const SMALL = 4_096
const SHARDS = 256
/** Characters of a text that decide on its shard. */
const SAMPLED = 16

export class ShardedMap<Key extends string | number, Value> {
  #shards: Map<Key, Value>[] = [new Map()]
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: Key): Value | undefined {
    return this.#shardOf(key).get(key)
  }

  has(key: Key): boolean {
    return this.#shardOf(key).has(key)
  }

  set(key: Key, value: Value): void {
    const shard = this.#shardOf(key)
    const before = shard.size
    shard.set(key, value)
    this.#size += shard.size - before
    if (this.#size > SMALL && this.#shards.length === 1) this.#spread()
  }

  delete(key: Key): void {
    if (!this.#shardOf(key).delete(key)) return
    if (--this.#size === 0) this.clear()
  }

  clear(): void {
    this.#shards = [new Map()]
    this.#size = 0
  }

  #shardOf(key: Key): Map<Key, Value> {
    const shards = this.#shards
    return shards.length === 1 ? shards[0]! : shards[hashOf(key) & (SHARDS - 1)]!
  }

  #spread(): void {
    const [all] = this.#shards
    this.#shards = Array.from({ length: SHARDS }, () => new Map<Key, Value>())
    for (const [key, value] of all!) this.#shardOf(key).set(key, value)
  }
}

function hashOf(key: string | number): number {
  if (typeof key === 'number') return Math.imul(key, 0x9e3779b1) >>> 24
  const step = Math.max(1, Math.ceil(key.length / SAMPLED))
  let hash = key.length
  for (let at = key.length - 1; at >= 0; at -= step) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  return hash ^ (hash >>> 15)
}
