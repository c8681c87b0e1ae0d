/** Undoes a hand-out of which nobody has heard: uncounted, and to the place in line that the message had. */
import type { Desk } from './desk.ts'
import { giveBack } from './settle.ts'
import { CHUNK_MASK } from '../state/slots.ts'

export function takeBack(desk: Desk, slot: number): void {
  desk.dirty()
  desk.effects.released(slot)
  giveBack(desk, slot, { afterMs: 0 }, desk.state.messages.slots.of(slot).place[slot & CHUNK_MASK])
}
