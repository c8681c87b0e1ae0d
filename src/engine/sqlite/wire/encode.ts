/** Calls as they travel to the host: messages with what deciders need apart, bodies together in one buffer. */
import type { Change, Commit } from '../../../core/engine.ts'
import type { Message } from '../../../core/message.ts'
import type { Packer } from './packer.ts'
import type { Sent, SentChange, SentCommit } from './request.ts'

export function encodeCommit({ id, changes }: Commit, packer: Packer): SentCommit {
  return { id: id ?? null, changes: changes.map((change) => encodeChange(change, packer)) }
}

function encodeChange(change: Change, packer: Packer): SentChange {
  switch (change.do) {
    case 'send':
      return { do: 'send', queue: change.queue, message: encodeMessage(change.message, packer) }
    case 'publish':
      return { do: 'publish', topic: change.topic, message: encodeMessage(change.message, packer) }
    case 'put':
      return { ...change, value: packer.add(change.value) }
    case 'restore': {
      const { message, ...stored } = change.message
      return { do: 'restore', message: encodeMessage(message, packer), stored }
    }
    default:
      return change
  }
}

export function encodeMessage(message: Message, packer: Packer): Sent {
  const { body, ...attributes } = message
  const offset = packer.length
  const split = packer.text(JSON.stringify(attributes))
  packer.add(body)
  return [
    message.id,
    message.event.type,
    message.priority,
    message.key ?? null,
    message.report ?? null,
    message.dedupe ?? null,
    message.delay ?? null,
    message.expires ?? null,
    offset,
    split,
    split + body.byteLength,
  ]
}
