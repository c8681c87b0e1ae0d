/**
 * `GET /v1/subscriptions/{name}/stream`: a subscription as server-sent events, to one reader at a time. A reader either settles each
 * event by its token, or acknowledges by coming back with the id of the last that it got, as EventSource does by itself.
 */
import { toStructured } from '../../core/cloud-event/structured.ts'
import type { Delivery } from '../../core/engine.ts'
import { timeOfUuid } from '../../core/id.ts'
import { createTopicControl, type SubscriptionView } from '../../topic/index.ts'
import { eventOf, toTime } from '../message/show.ts'
import { text } from '../openapi/json-schema.ts'
import { invalid } from '../request/field.ts'
import type { Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import type { Route } from '../route/route.ts'
import { findSubscription, TOPIC_PARAMETER } from '../topic/subscription.ts'
import type { Reading } from './readers.ts'
import { EVENT_STREAM_TYPE, toRetry, toServerSent } from './server-sent.ts'
import { StreamSource } from './source.ts'
import { giveBack, WINDOW_LEASE_MS } from './window.ts'

/** A reader that acknowledges by coming back is sent away to come back after so many events, so many bytes or so long. */
const WINDOW = { events: 256, bytes: 4 * 1_048_576, ms: 5 * 60_000 }
const RETRY_MS = 250
/** Events that a reader which settles may have unsettled. */
const UNSETTLED = 100
const MANUAL_LEASE_MS = 30_000
/** Nobody tells of a settled event: so often it is looked where a reader can take no more. */
const FULL_MS = 100

export const streamRoute: Route = {
  method: 'GET',
  path: '/v1/subscriptions/{name}/stream',
  id: 'streamSubscription',
  forApps: true,
  tag: 'topics',
  summary: 'Read a subscription as server-sent events',
  description: `Each event has the message's id as its id. ack=resume: its data is the CloudEvent, and coming back with Last-Event-ID acknowledges all up to that id. What a client had received and not yet handled when it was cut off is then lost to it: at most once. The stream ends after ${WINDOW.events} events or ${WINDOW.ms / 60_000} minutes without that, and the client comes back by itself. ack=manual: its data is a delivery with a token to settle, at least once. An event 'gap' tells what the subscription has missed for good; while it grows it is told again, with the same from.`,
  parameters: [
    TOPIC_PARAMETER,
    {
      name: 'ack',
      in: 'query',
      description: 'How events are acknowledged.',
      schema: { enum: ['resume', 'manual'], default: 'resume' },
    },
    {
      name: 'takeover',
      in: 'query',
      description: "'true': ends the stream that reads it now.",
      schema: { enum: ['true', 'false'], default: 'false' },
    },
    {
      name: 'ticket',
      in: 'query',
      description: 'In place of a key, where the client can send no header.',
      schema: text(),
    },
    {
      name: 'lastEventId',
      in: 'query',
      description: 'As Last-Event-ID, for a client that begins anew with another ticket.',
      schema: text(),
    },
    { name: 'Last-Event-ID', in: 'header', description: 'The id of the last event that was received.', schema: text() },
  ],
  replies: { 200: { description: 'Server-sent events.', content: { [EVENT_STREAM_TYPE]: text() } } },
  problems: ['invalid', 'invalid-name', 'subscription-not-found', 'stream-in-use'],
  writes: true,
  ticketed: true,
  run: stream,
}

async function stream(call: Call): Promise<Answer> {
  const { deps, url, request } = call
  const query = url.searchParams
  const ack = query.get('ack') ?? 'resume'
  if (ack !== 'resume' && ack !== 'manual') throw invalid('ack', ack, "'resume' or 'manual'")
  const subscription = await findSubscription(call)
  const headers = { 'content-type': EVENT_STREAM_TYPE, 'cache-control': 'no-store', 'x-accel-buffering': 'no' }
  // Nobody reads the body of an answer to HEAD.
  if (request.method === 'HEAD') return { status: 200, headers, body: null }
  const reading = await deps.readers.take(subscription.queue, query.get('takeover') === 'true')
  try {
    const open = ack === 'resume' ? resume : manual
    const { source, close } = await open(call, subscription, reading)
    const body = toBody(source, reading, async () => {
      await close()
      await reading[Symbol.asyncDispose]()
    })
    return { status: 200, headers, body }
  } catch (error) {
    await reading[Symbol.asyncDispose]()
    throw error
  }
}

interface Opened {
  readonly source: StreamSource
  readonly close: () => Promise<void>
}

async function resume(call: Call, subscription: SubscriptionView, reading: Reading): Promise<Opened> {
  const { queue } = subscription
  const lastId = lastIdOf(call)
  const window = reading.window()
  if (lastId !== null) await window.acknowledge(lastId)
  const show = ({ stored }: Delivery) =>
    toServerSent({ id: stored.id, data: toStructured(eventOf(stored, call.principal), stored.message.body) })
  const isFull = () => window.size >= WINDOW.events || window.bytes >= WINDOW.bytes
  const source = new StreamSource(
    {
      ...sourceDeps(call, subscription, reading),
      room: () => (isFull() || window.closed ? 0 : WINDOW.events - window.size),
      lease: (max) => lease(call, queue, max, WINDOW_LEASE_MS),
      give(deliveries) {
        window.add(deliveries)
        return deliveries.map(show).join('')
      },
      async isOver() {
        if (window.closed || isFull() || window.ageMs >= WINDOW.ms) return true
        return window.size > 0 && (await waitsForReader(call, subscription))
      },
      gapsSince: gapsSince(call),
    },
    [toRetry(RETRY_MS), ...window.deliveries.map(show)],
  )
  return { source, close: async () => {} }
}

/** Whether more would come if the reader acknowledged: it waits behind a key of what he has, or for room in the backlog. */
async function waitsForReader({ deps }: Call, { topic, name, queue }: SubscriptionView): Promise<boolean> {
  if (((await deps.engine.depth([queue]))[0]?.held ?? 0) > 0) return true
  const now = await createTopicControl(deps, topic).subscription(name)
  return now !== null && now.status !== 'live'
}

async function manual(call: Call, subscription: SubscriptionView, reading: Reading): Promise<Opened> {
  const { deps, principal, veil } = call
  const { queue } = subscription
  const { wrap } = await deps.tokens()
  // A reader of the other kind may have left events behind, which this one is to be given.
  await reading.window().close()
  let given: readonly Delivery[] = []
  const show = ({ token, leaseUntil, stored }: Delivery) => {
    const { id, acquired, failed, message } = stored
    const wrapped = veil.hide('token', wrap({ id, token, leasedAt: deps.clock.wallMs() }, queue, principal.id))
    const head = JSON.stringify({ token: wrapped, id, acquired, failed, leaseUntil: toTime(leaseUntil) })
    return toServerSent({
      id,
      data: `${head.slice(0, -1)},"message":${toStructured(eventOf(stored, principal), message.body)}}`,
    })
  }
  const source = new StreamSource(
    {
      ...sourceDeps(call, subscription, reading),
      async room() {
        given = await stillLeased(call, given)
        return UNSETTLED - given.length
      },
      lease: (max) => lease(call, queue, max, MANUAL_LEASE_MS),
      give(deliveries) {
        given = [...given, ...deliveries]
        return deliveries.map(show).join('')
      },
      isOver: () => false,
      fullMs: FULL_MS,
      gapsSince: gapsSince(call),
    },
    [toRetry(RETRY_MS)],
  )
  return {
    source,
    close: () =>
      giveBack(
        deps,
        given.map(({ token }) => token),
      ),
  }
}

/** The header is what EventSource says by itself, and the newer of the two. */
const lastIdOf = ({ request, url }: Call): string | null =>
  request.headers.get('last-event-id') ?? url.searchParams.get('lastEventId')

/** Since what the reader has seen; who is new has missed nothing yet. */
function gapsSince(call: Call): number {
  const lastId = lastIdOf(call)
  return (lastId === null ? null : timeOfUuid(lastId)) ?? call.deps.clock.wallMs()
}

function sourceDeps(
  { deps: { engine, clock } }: Call,
  subscription: SubscriptionView,
  { signal }: Reading,
): Pick<ConstructorParameters<typeof StreamSource>[0], 'engine' | 'clock' | 'subscription' | 'signal'> {
  return { engine, clock, subscription, signal }
}

async function lease({ deps, principal }: Call, queue: string, max: number, leaseMs: number) {
  const leased = await deps.engine.lease({
    id: deps.ids.uuid(),
    worker: `stream of ${principal.id}`,
    holder: 'process',
    leaseMs,
    wants: [{ queue, max }],
  })
  if (leased.deliveries.length > 0) deps.metrics.handedOut(queue, leased.deliveries)
  return leased
}

/** Those that the client has not settled yet, and that have not lapsed. */
async function stillLeased({ deps }: Call, given: readonly Delivery[]): Promise<readonly Delivery[]> {
  if (given.length === 0) return given
  const found = await deps.engine.find(given.map(({ stored: { queue, id } }) => ({ queue, id })))
  return given.filter(({ stored }, at) => {
    const now = found[at]
    return now != null && now.state === 'leased' && now.acquired === stored.acquired
  })
}

/** Asks for the next piece only when the one before has gone out: a slow reader makes nothing pile up here. */
function toBody(source: StreamSource, reading: Reading, close: () => Promise<void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let asked: Promise<string | null> = Promise.resolve(null)
  let ended: Promise<void> | null = null
  // What is being leased while the reader goes must be known before it is given back.
  const end = () => (ended ??= asked.then(close, close))
  // A reader that takes nothing asks for nothing: his end does not wait for him.
  reading.signal.addEventListener('abort', () => void end())
  return new ReadableStream(
    {
      async pull(controller) {
        asked = source.next()
        try {
          const piece = await asked
          if (piece !== null && ended === null) return controller.enqueue(encoder.encode(piece))
          await end()
          controller.close()
        } catch (error) {
          await end()
          controller.error(error)
        }
      },
      cancel() {
        reading.end()
        return end()
      },
    },
    { highWaterMark: 0 },
  )
}
