/** What was handed out as its receiver gets it: with its content, which may have to be read from a disk. */
import type { Delivery, Token } from '../../../core/engine.ts'
import type { StoredMessage } from '../../../core/message.ts'
import type { Desk } from '../decide/desk.ts'
import { tokenOf } from '../decide/token.ts'
import { buryUnreadable } from '../decide/unreadable.ts'
import { viewOf } from '../read/view.ts'
import { CHUNK_MASK } from '../state/slots.ts'
import { settleTouched } from '../time/due.ts'

/** Of the conduct. */
export interface Delivering {
  readonly desk: Desk
  run<T>(call: () => Promise<T>): Promise<T>
  finish(): void
}

/** null where the content cannot be read: then the message is dead, and the others of the batch are not lost with it. */
export function deliver(conduct: Delivering, slot: number): Delivery | Promise<Delivery | null> {
  const { desk } = conduct
  const { slots } = desk.state.messages
  const token = tokenOf(slots, slot)
  const leaseUntil = slots.of(slot).due[slot & CHUNK_MASK]!
  let stored: StoredMessage | Promise<StoredMessage>
  try {
    stored = viewOf(desk, slot)
  } catch (error) {
    stored = Promise.reject(error instanceof Error ? error : new Error(String(error)))
  }
  return stored instanceof Promise ? deliverLate(conduct, token, leaseUntil, stored) : { token, leaseUntil, stored }
}

async function deliverLate(
  conduct: Delivering,
  token: Token,
  leaseUntil: number,
  stored: Promise<StoredMessage>,
): Promise<Delivery | null> {
  try {
    return { token, leaseUntil, stored: await stored }
  } catch {
    const { desk } = conduct
    await conduct.run(() => {
      buryUnreadable(desk, token)
      settleTouched(desk)
      conduct.finish()
      return Promise.resolve()
    })
    return null
  }
}
