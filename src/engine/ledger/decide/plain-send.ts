/**
 * The short way of what producers nearly always come to: a commit that is one send and nothing else, of a message that may be handed out at
 * once, to a queue that has room. Nothing falls due by it, so that many of them in a row are looked after once.
 */
import type { Change } from '../../../core/engine.ts'
import { faultOfMessage, type Message } from '../../../core/message.ts'
import type { Desk } from './desk.ts'
import { insert, slotOfId } from './insert.ts'
import type { Queue } from '../state/queue.ts'

/** false: nothing was decided, and the commit goes the long way, which tells what is wrong with it, if anything is. */
export function sendPlainly(desk: Desk, { queue: name, message }: Extract<Change, { readonly do: 'send' }>): boolean {
  const queue = desk.state.queueByName.get(name)
  if (queue === undefined || !isPlain(desk, queue, message)) return false
  desk.holdBack()
  insert(desk, queue, message, desk.store.blocks.addMessage(message))
  return true
}

function isPlain(desk: Desk, queue: Queue, message: Message): boolean {
  try {
    return (
      !queue.unbound &&
      queue.feeding === null &&
      message.dedupe === undefined &&
      message.delay === undefined &&
      message.expires === undefined &&
      faultOfMessage(message, desk.limits.bodyBytes) === null &&
      !queue.isFull(1, message.body.byteLength) &&
      desk.store.refusal() === null &&
      slotOfId(desk, queue, message.id) === 0
    )
  } catch {
    return false
  }
}
