/** The receiver's answer on its way back to who asked for it: a message that commits with the end of the delivery. */
import type { Change } from '../../core/engine.ts'
import { toJsonBytes } from '../../core/json.ts'
import { DEFAULT_PRIORITY, type StoredMessage } from '../../core/message.ts'
import { eventTypeOf, REPORT_QUEUE, taskOfQueue } from '../../operation/index.ts'
import type { Answered } from '../call/exchange.ts'
import type { Attempt } from '../endpoint/attempt.ts'
import type { CourierDeps, Round } from './round.ts'

const ANSWERED_TYPE = 'posthorn.endpoint.answered'

/** What tells who asked for it. */
export function answers(
  { ids, clock, source }: CourierDeps,
  round: Round,
  stored: StoredMessage,
  answered: Answered | null,
  said: Attempt['outcome'],
): readonly Change[] {
  const queue = answerQueue(round, stored)
  if (queue === null) return []
  const { message } = stored
  const id = ids.uuid()
  const answer = {
    endpoint: round.endpoint.id,
    message: stored.id,
    event: { id: message.event.id, source: message.event.source, type: message.event.type },
    outcome: said,
    status: answered?.status ?? null,
    contentType: headerOf(answered, 'content-type'),
    body: answered?.body ?? '',
  }
  return [
    {
      do: 'send',
      queue,
      message: {
        id,
        event: {
          id,
          source,
          type: taskOfQueue(queue) === null ? ANSWERED_TYPE : eventTypeOf(queue),
          time: new Date(clock.wallMs()).toISOString(),
          datacontenttype: 'application/json',
          correlationid: String(message.event['correlationid'] ?? stored.id),
          causationid: stored.id,
        },
        body: toJsonBytes(answer),
        priority: DEFAULT_PRIORITY,
        ...(taskOfQueue(queue) === null ? {} : { report: REPORT_QUEUE }),
      },
    },
  ]
}

/** Where the receiver's answer goes; null: nobody asked for it. */
export const answerQueue = ({ endpoint }: Round, { message }: StoredMessage): string | null =>
  message.replyTo ?? endpoint.answerTo

function headerOf(answered: Answered | null, name: string): string | null {
  const value = answered?.headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? null
}
