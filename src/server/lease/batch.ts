/**
 * Leases at most so many messages and so many bytes of them. The engine counts messages only, so they are asked for in parts: as
 * many as surely fit, by the largest that this queue has had of late, until the answer is full or nothing is left.
 */
import type { Delivery, LeaseResult } from '../../core/engine.ts'

export interface Batch {
  readonly queue: string
  readonly max: number
  readonly maxBytes: number
  readonly lease: (max: number) => Promise<LeaseResult>
  /** Uncounted. */
  giveBack(deliveries: readonly Delivery[]): void
}

const MOST_QUEUES = 10_000
/** What was once large is forgotten by and by. */
const FADING = 0.9

export class Batches {
  readonly #largestBody: number
  readonly #largest = new Map<string, number>()

  /** @param largestBody in bytes: what a queue is thought to hold of which nothing is known */
  constructor(largestBody: number) {
    this.#largestBody = largestBody
  }

  /** At least one message, where there is one. */
  async take(batch: Batch): Promise<LeaseResult> {
    const { max, maxBytes, lease } = batch
    const taken: Delivery[] = []
    for (let bytes = 0; ;) {
      const wanted = Math.min(
        max - taken.length,
        Math.max(1, Math.floor((maxBytes - bytes) / this.#sizeOf(batch.queue))),
      )
      let result: LeaseResult
      try {
        result = await lease(wanted)
      } catch (error) {
        // Those that are leased already are the client's.
        if (taken.length === 0) throw error
        return { deliveries: taken, nextReadyInMs: null }
      }
      taken.push(...result.deliveries)
      for (const delivery of result.deliveries) bytes += bytesOf(delivery)
      this.#learn(batch.queue, result.deliveries)
      const isFull = taken.length === max || bytes + this.#sizeOf(batch.queue) > maxBytes
      if (isFull || result.deliveries.length < wanted)
        return { ...result, deliveries: within(taken, maxBytes, (excess) => batch.giveBack(excess)) }
    }
  }

  #sizeOf(queue: string): number {
    return this.#largest.get(queue) ?? this.#largestBody
  }

  #learn(queue: string, deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return
    const known = this.#largest.get(queue) ?? 0
    if (this.#largest.size >= MOST_QUEUES && !this.#largest.has(queue)) this.#largest.clear()
    this.#largest.set(queue, Math.max(1, known * FADING, ...deliveries.map(bytesOf)))
  }
}

/** Larger messages came than were thought: what is too much goes back. */
function within(
  deliveries: readonly Delivery[],
  maxBytes: number,
  giveBack: (excess: readonly Delivery[]) => void,
): readonly Delivery[] {
  let bytes = 0
  const fit = deliveries.findIndex((delivery, at) => (bytes += bytesOf(delivery)) > maxBytes && at > 0)
  if (fit < 0) return deliveries
  giveBack(deliveries.slice(fit))
  return deliveries.slice(0, fit)
}

const bytesOf = ({ stored }: Delivery): number => stored.message.body.byteLength
