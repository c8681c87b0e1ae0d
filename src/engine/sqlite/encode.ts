/** Calls as they travel to the host: messages with what deciders need apart, bodies together in one buffer. */
import type { Change, Commit } from '../../core/engine.ts'
import type { Message } from '../../core/message.ts'
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

function encodeMessage(message: Message, packer: Packer): Sent {
  const { body, ...attributes } = message
  return {
    id: message.id,
    type: message.event.type,
    priority: message.priority,
    key: message.key ?? null,
    report: message.report ?? null,
    dedupe: message.dedupe ?? null,
    delay: message.delay ?? null,
    expires: message.expires ?? null,
    attributes: JSON.stringify(attributes),
    body: packer.add(body),
  }
}
