/** What becomes of a message of which the content is damaged: it is dead, for people to look at, and is not handed out again and again. */
import { DEFAULT_PRIORITY, type Message } from '../../../core/message.ts'
import type { Desk } from './desk.ts'
import { bury } from './ending.ts'
import { heldBy } from './token.ts'

/** The reason of a dead message that could not be read. */
export const UNREADABLE = 'corrupt'

export function buryUnreadable(desk: Desk, token: string): void {
  const slot = heldBy(desk.state.messages.slots, token)
  if (slot !== 0) bury(desk, slot, 'reported', UNREADABLE)
}

/** Stands in a report or a page for a message of which only the id is left. */
export function unreadable(id: string): Message {
  return {
    id,
    event: { id, source: 'posthorn:engine', type: 'posthorn.message.unreadable' },
    body: new Uint8Array(),
    priority: DEFAULT_PRIORITY,
  }
}
