/** From a message to the event that a subscription's handler gets. A type that the topic's contract does not have is somebody else's to read. */
import type { StoredMessage } from '../core/message.ts'
import { decode, recognises, type Decoded, type Reading, type TopicDefinition } from '../task/index.ts'
import type { Event } from './contract.ts'

export function readingOf({ events }: TopicDefinition): Reading {
  return {
    recognises(stored) {
      const definition = events.get(stored.message.event.type)
      return definition === undefined ? 'unknown' : recognises(definition, stored)
    },
    decode(stored) {
      const decoded = decode(events.get(stored.message.event.type)!, stored.message)
      return decoded instanceof Promise ? decoded.then((late) => withEvent(stored, late)) : withEvent(stored, decoded)
    },
  }
}

function withEvent(stored: StoredMessage, decoded: Decoded): Decoded {
  return decoded.ok ? { ok: true, value: toEvent(stored.message, decoded.value, stored.sentAt) } : decoded
}

/** @param at when it was published, for an event that does not say when it happened */
export function toEvent({ event, key }: StoredMessage['message'], data: unknown, at: number): Event {
  const { id, source, type, subject, time } = event
  return {
    id,
    source,
    type,
    ...(subject === undefined ? {} : { subject }),
    time: time ?? new Date(Math.floor(at)).toISOString(),
    ...(key === undefined ? {} : { key }),
    data,
  }
}
