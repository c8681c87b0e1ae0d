/** W3C trace context: taken over from the request onto the event, unless the event has its own. What is malformed is left out. */
import type { EventAttributes } from '../../core/message.ts'

const PARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/
const LONGEST_STATE = 2048

export function withTrace(event: EventAttributes, headers: Headers): EventAttributes {
  const traceparent = headers.get('traceparent')
  if (traceparent === null || event['traceparent'] !== undefined || !PARENT.test(traceparent)) return event
  const tracestate = headers.get('tracestate')
  const state = tracestate !== null && tracestate !== '' && tracestate.length <= LONGEST_STATE ? { tracestate } : {}
  return { ...event, traceparent, ...state }
}
