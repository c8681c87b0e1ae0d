/** `POST /v1/queues/{queue}/lease`: messages handed to a client for a time. A client that has gone keeps none. */
import type { Principal } from '../../app/index.ts'
import { toStructured } from '../../core/cloud-event/structured.ts'
import type { Delivery } from '../../core/engine.ts'
import { queueIn } from '../app/space.ts'
import { checkTarget } from '../message/outgoing.ts'
import { eventOf, toTime, type DataForm } from '../message/show.ts'
import { list, object, options, ref, whole } from '../openapi/json-schema.ts'
import { Fields } from '../request/field.ts'
import { jsonText, type Answer } from '../route/answer.ts'
import { jsonOf, type Call, type ServerDeps } from '../route/call.ts'
import type { Route } from '../route/route.ts'

export const LEASE_SECONDS = { min: 1, max: 43_200 }
const MOST = 100
const LONGEST_WAIT_SECONDS = 30
/** Bytes of the data of one answer; as base64 it is a third more. */
const BYTES = { min: 1, max: 64 * 1_048_576 }
const DEFAULT_BYTES = 8 * 1_048_576

export const leaseRoute: Route = {
  method: 'POST',
  path: '/v1/queues/{queue}/lease',
  id: 'leaseMessages',
  forApps: true,
  tag: 'messages',
  summary: 'Lease messages',
  description:
    'Answers as soon as there is a message, or with none when the wait is over. Messages that are not settled or extended in time become ready again.',
  body: {
    required: false,
    content: {
      'application/json': options({
        max: { ...whole(1, MOST, 10), description: 'Messages at most.' },
        maxBytes: {
          ...whole(BYTES.min, BYTES.max, DEFAULT_BYTES),
          description: 'Bytes of their data together at most; one message comes however large it is.',
        },
        leaseSeconds: { ...whole(LEASE_SECONDS.min, LEASE_SECONDS.max, 30), description: 'How long they are held.' },
        waitSeconds: {
          type: 'number',
          minimum: 0,
          default: 0,
          description: `How long to wait for the first; more than ${LONGEST_WAIT_SECONDS} is ${LONGEST_WAIT_SECONDS}.`,
        },
        data: {
          enum: ['json', 'base64'],
          default: 'json',
          description: "'base64': the exact bytes, for readers whose JSON parser would change them.",
        },
      }),
    },
  },
  replies: {
    200: {
      description: 'What was leased; empty when there was nothing.',
      content: { 'application/json': object({ deliveries: list(ref('Delivery')) }) },
    },
  },
  problems: ['invalid', 'invalid-name', 'invalid-json', 'forbidden-queue', 'queue-not-found'],
  writes: true,
  run: lease,
}

async function lease(call: Call): Promise<Answer> {
  const { deps, request, params, principal, veil } = call
  const queue = checkTarget(queueIn(principal, params['queue'], 'lease'))
  const fields = new Fields(jsonOf(call), ['max', 'maxBytes', 'leaseSeconds', 'waitSeconds', 'data'])
  const max = fields.whole('max', { min: 1, max: MOST }, 10)
  const maxBytes = fields.whole('maxBytes', BYTES, DEFAULT_BYTES)
  const leaseMs = fields.whole('leaseSeconds', LEASE_SECONDS, 30) * 1_000
  const waitSeconds = fields.number('waitSeconds', { min: 0, max: Number.MAX_SAFE_INTEGER }, 0)
  const form = fields.oneOf('data', ['json', 'base64'], 'json')
  const { wrap } = await deps.tokens()
  const deliveries = await deps.lines.take({
    queue,
    waitMs: Math.min(waitSeconds, LONGEST_WAIT_SECONDS) * 1_000,
    signal: request.signal,
    lease: () =>
      deps.batches.take({
        queue,
        max,
        maxBytes,
        lease: (most) =>
          deps.engine.lease({
            id: deps.ids.uuid(),
            worker: `http ${principal.id}`,
            holder: 'client',
            leaseMs,
            wants: [{ queue, max: most }],
          }),
        giveBack: (excess) => void giveBack(deps, excess),
      }),
  })
  const lost = () => void giveBack(deps, deliveries)
  if (request.signal.aborted) {
    lost()
    return jsonText(200, '{"deliveries":[]}')
  }
  if (deliveries.length > 0) deps.metrics.handedOut(queue, deliveries)
  const leasedAt = deps.clock.wallMs()
  const shown = deliveries.map(({ token, leaseUntil, stored }) =>
    showDelivery(
      principal,
      veil.hide('token', wrap({ id: stored.id, token, leasedAt }, queue, principal.id)),
      leaseUntil,
      stored,
      form,
    ),
  )
  return { ...jsonText(200, `{"deliveries":[${shown.join(',')}]}`), lost }
}

function showDelivery(
  principal: Principal,
  token: string,
  leaseUntil: number,
  stored: Delivery['stored'],
  form: DataForm,
): string {
  const { id, acquired, failed, message } = stored
  const head = JSON.stringify({ token, id, acquired, failed, leaseUntil: toTime(leaseUntil) })
  return `${head.slice(0, -1)},"message":${toStructured(eventOf(stored, principal), message.body, form)}}`
}

/** Uncounted: nobody has failed at anything. Each for itself, for one may have lapsed. */
async function giveBack({ engine, log }: ServerDeps, deliveries: readonly Delivery[]): Promise<void> {
  if (deliveries.length === 0) return
  try {
    await engine.commit(deliveries.map(({ token }) => ({ changes: [{ do: 'release', token, delay: { afterMs: 0 } }] })))
  } catch (error) {
    log.warn('leases that no client has could not be given back; they will lapse', {
      count: deliveries.length,
      error,
    })
  }
}
