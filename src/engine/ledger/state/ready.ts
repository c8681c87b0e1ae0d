/**
 * What may be handed out of one queue (one lane): a list per priority in order of place, and the choice among their heads. Nothing is
 * ranked on arrival, so that settings act at once on what waits.
 */
import type { QueueSettings } from '../../../core/settings.ts'
import { SlotList } from './slot-list.ts'
import { CHUNK_MASK, type Slots } from './slots.ts'

export class Ready {
  readonly #slots: Slots
  readonly #lists: (SlotList | undefined)[] = []
  /** Bit p: something of priority p is ready. */
  #bits = 0

  constructor(slots: Slots) {
    this.#slots = slots
  }

  add(slot: number): void {
    const chunk = this.#slots.of(slot)
    const priority = chunk.priority[slot & CHUNK_MASK]!
    const list = (this.#lists[priority] ??= new SlotList(this.#slots))
    this.#bits |= 1 << priority
    list.insertAfter(this.#placeBefore(list, chunk.place[slot & CHUNK_MASK]!, chunk.seq[slot & CHUNK_MASK]!), slot)
  }

  remove(slot: number): void {
    const priority = this.#slots.of(slot).priority[slot & CHUNK_MASK]!
    const list = this.#lists[priority]!
    list.remove(slot)
    if (list.head === 0) this.#bits &= ~(1 << priority)
  }

  /** The message to hand out next; 0 where none is ready. */
  pick(pick: QueueSettings['pick']): number {
    if (this.#bits === 0) return 0
    const highest = 31 - Math.clz32(this.#bits)
    if (this.#bits === 1 << highest) return this.#lists[highest]!.head
    if (pick.by === 'priority' && pick.agingMs === undefined) return this.#lists[highest]!.head
    return this.#earliest(pick.by === 'priority' ? pick.agingMs! : 0)
  }

  /** When the one that is ready for longest became so; null where none is. */
  oldestAt(): number | null {
    const slot = this.#bits === 0 ? 0 : this.#earliest(0)
    return slot === 0 ? null : this.#place(slot)
  }

  /** The head with the smallest place − priority × agingMs; of equals, the one that arrived first. */
  #earliest(agingMs: number): number {
    let best = 0
    let bestRank = Infinity
    let bestSeq = Infinity
    for (let priority = 9; priority >= 0; priority--) {
      if ((this.#bits & (1 << priority)) === 0) continue
      const slot = this.#lists[priority]!.head
      const rank = this.#place(slot) - priority * agingMs
      const seq = this.#slots.of(slot).seq[slot & CHUNK_MASK]!
      if (rank > bestRank || (rank === bestRank && seq > bestSeq)) continue
      best = slot
      bestRank = rank
      bestSeq = seq
    }
    return best
  }

  /** What a message stands behind: nearly always the tail, because places are moments of the past. Of one moment, the first to arrive is first. */
  #placeBefore(list: SlotList, place: number, seq: number): number {
    let before = list.tail
    while (before !== 0) {
      const chunk = this.#slots.of(before)
      const row = before & CHUNK_MASK
      if (chunk.place[row]! < place || (chunk.place[row] === place && chunk.seq[row]! < seq)) break
      before = chunk.prev[row]!
    }
    return before
  }

  #place(slot: number): number {
    return this.#slots.of(slot).place[slot & CHUNK_MASK]!
  }
}
