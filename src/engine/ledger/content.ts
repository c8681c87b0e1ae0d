/** A message's content as bytes: everything but the body as JSON, then the body as it came. For stores that write content down. */
import { PosthornError } from '../../core/error.ts'
import type { Message } from '../../core/message.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

/** The head of a message's content: the message without its body, as JSON. */
export function encodeHead(message: Message): string {
  const { body: _, ...head } = message
  return JSON.stringify(head)
}

/** @throws PosthornError `corrupt` where the head is no JSON object */
export function decodeMessage(head: Uint8Array, body: Uint8Array): Message {
  try {
    return { ...(JSON.parse(decoder.decode(head)) as Omit<Message, 'body'>), body }
  } catch (cause) {
    throw new PosthornError('corrupt', 'the content of a message cannot be read: its head is not JSON', { cause })
  }
}
