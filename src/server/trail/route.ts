/** `GET /v1/trail`: what happens to messages, as it happens, by long poll. */
import type { Happening } from '../../core/engine.ts'
import { checkQueueName } from '../../core/name.ts'
import { toTime } from '../message/show.ts'
import { count, list, object, orNull, text, time, uuid, whole } from '../openapi/json-schema.ts'
import { parseWhole } from '../request/field.ts'
import { json, type Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import type { Route } from '../route/route.ts'

const WHAT: readonly Happening['what'][] = ['sent', 'failed', 'dead', 'acked', 'expired', 'cancelled', 'discarded']
const LIMIT = { min: 1, max: 1_000 }
const LONGEST_WAIT_SECONDS = 30

export const trailRoute: Route = {
  method: 'GET',
  path: '/v1/trail',
  id: 'followMessages',
  tag: 'messages',
  summary: 'Follow what happens to messages: sends, failed runs, ends',
  description:
    'Answers as soon as something has happened, or with nothing when the wait is over; go on with its next. About 10,000 happenings are kept, only while somebody follows, and not over a restart.',
  parameters: [
    { name: 'queue', in: 'query', description: 'Of this queue only.', schema: text() },
    {
      name: 'after',
      in: 'query',
      description: "An answer's next. Without: what happens from now on.",
      schema: text(),
    },
    { name: 'limit', in: 'query', description: 'At most so many.', schema: whole(LIMIT.min, LIMIT.max, LIMIT.max) },
    {
      name: 'wait',
      in: 'query',
      description: `Seconds to wait for the first; more than ${LONGEST_WAIT_SECONDS} is ${LONGEST_WAIT_SECONDS}.`,
      schema: whole(0, 999_999_999, 0),
    },
  ],
  replies: {
    200: {
      description: 'What happened, in order.',
      content: {
        'application/json': object({
          items: list(
            object({
              at: time,
              what: { enum: WHAT },
              queue: text(),
              id: uuid,
              type: text(),
              key: orNull(text()),
              group: orNull(text()),
              sentAt: time,
              acquired: count,
              failed: count,
              reason: orNull(text()),
            }),
          ),
          next: text(),
          missed: orNull({
            ...count,
            description:
              'How much happened since `after` that is not kept any more; null: nobody knows, because the server or its trail began anew.',
          }),
        }),
      },
    },
  },
  problems: ['invalid', 'invalid-name', 'unsupported', 'draining'],
  run: follow,
}

async function follow({ deps, request, url }: Call): Promise<Answer> {
  // Waits end at once from here on: who asks again and again is sent away.
  deps.drain.check()
  const query = url.searchParams
  const queue = query.get('queue')
  const waitSeconds = parseWhole(query.get('wait'), 'wait', { min: 0, max: 999_999_999 }, 0)
  const { items, next, missed } = await deps.trail.look({
    queue: queue === null ? null : checkQueueName(queue, 'queue'),
    after: query.get('after'),
    limit: parseWhole(query.get('limit'), 'limit', LIMIT, LIMIT.max),
    waitMs: Math.min(waitSeconds, LONGEST_WAIT_SECONDS) * 1_000,
    signal: request.signal,
  })
  return json(200, { items: items.map(show), next, missed })
}

const show = (happening: Happening): Record<string, unknown> => ({
  ...happening,
  at: toTime(happening.at),
  sentAt: toTime(happening.sentAt),
})
