/** Messages of a queue: browse without leasing, look at one, delete one. */
import { toBinary } from '../../core/cloud-event/binary.ts'
import { STRUCTURED_TYPE } from '../../core/cloud-event/media-type.ts'
import { toStructured } from '../../core/cloud-event/structured.ts'
import type { BrowseQuery } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { isUuid } from '../../core/id.ts'
import type { State, StoredMessage } from '../../core/message.ts'
import { REPORT_QUEUE } from '../../operation/index.ts'
import { page, ref } from '../openapi/json-schema.ts'
import { PAGE_PARAMETERS } from '../openapi/parameter.ts'
import { queueIn, shownName, type QueueVerb } from '../app/space.ts'
import { notThere } from '../route/scope.ts'
import { invalid } from '../request/field.ts'
import { readHiddenPage } from '../request/page.ts'
import { empty, jsonText, type Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import { commit } from '../route/commit.ts'
import type { Route } from '../route/route.ts'
import { MATCH_FIELDS, MATCH_PARAMETERS, matchIn, toEngineMatch } from './match.ts'
import { eventOf, showMessage, type DataForm } from './show.ts'

const STATES: readonly State[] = [
  'arrived',
  'ready',
  'held',
  'delayed',
  'leased',
  'dead',
  'acked',
  'expired',
  'cancelled',
  'discarded',
]

export const messageRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/queues/{queue}/messages',
    id: 'listMessages',
    forApps: true,
    tag: 'messages',
    summary: 'Look at the messages of a queue, without their data; state by state, each in order of arrival',
    parameters: [
      {
        name: 'state',
        in: 'query',
        description: 'Only those in this state. Default: all, state by state.',
        schema: { enum: STATES },
      },
      ...MATCH_PARAMETERS,
      ...PAGE_PARAMETERS,
    ],
    replies: {
      200: {
        description: 'A page; it may be empty and still have a next.',
        content: { 'application/json': page(ref('Message')) },
      },
    },
    problems: ['invalid', 'invalid-name', 'queue-not-found'],
    run: listMessages,
  },
  {
    method: 'GET',
    path: '/v1/queues/{queue}/messages/{id}',
    id: 'getMessage',
    forApps: true,
    tag: 'messages',
    summary: 'Look at one message, with its data and history',
    parameters: [
      {
        name: 'data',
        in: 'query',
        description: "'base64': the exact bytes.",
        schema: { enum: ['json', 'base64'], default: 'json' },
      },
      {
        name: 'as',
        in: 'query',
        description: "'structured', 'binary': the event alone, as a CloudEvent in that mode.",
        schema: { enum: ['message', 'structured', 'binary'], default: 'message' },
      },
    ],
    replies: {
      200: {
        description: 'The message, or its event.',
        content: { 'application/json': ref('Message'), 'application/cloudevents+json': ref('Event'), '*/*': {} },
      },
    },
    problems: ['invalid', 'invalid-name', 'queue-not-found', 'message-not-found'],
    run: getMessage,
  },
  {
    method: 'DELETE',
    path: '/v1/queues/{queue}/messages/{id}',
    id: 'deleteMessage',
    forApps: true,
    tag: 'messages',
    summary: 'Discard a message that waits or is dead',
    replies: { 204: { description: 'Discarded.' } },
    problems: ['invalid-name', 'queue-not-found', 'message-not-found', 'message-leased', 'forbidden-queue'],
    writes: true,
    run: deleteMessage,
  },
]

async function listMessages({ deps, params, url, principal, veil }: Call): Promise<Answer> {
  const queue = queueIn(principal, params['queue'], 'read')
  const query = url.searchParams
  const state = query.get('state')
  if (state !== null && !STATES.includes(state as State)) throw invalid('state', state, `one of ${STATES.join(', ')}`)
  if ((await deps.engine.depth([queue])).length === 0) throw notThere('queue', shownName(principal, queue))
  const match = toEngineMatch(
    Object.fromEntries(MATCH_FIELDS.flatMap((name) => (query.has(name) ? [[name, query.get(name)]] : []))),
    '',
  )
  const { items, next } = await browse(
    deps.engine.browse.bind(deps.engine),
    { queue, match: matchIn(principal, match) },
    state === null ? STATES : [state as State],
    readHiddenPage(url, veil),
  )
  return jsonText(
    200,
    `{"items":[${items.map((stored) => showMessage(stored, null, principal)).join(',')}],"next":${JSON.stringify(next && veil.hide('page', next))}}`,
  )
}

/** Pages over several states as over one: a cursor names the state that it stands in. */
async function browse(
  one: (query: BrowseQuery) => Promise<{ readonly items: readonly StoredMessage[]; readonly next: string | null }>,
  query: Pick<BrowseQuery, 'queue' | 'match'>,
  states: readonly State[],
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<{ readonly items: readonly StoredMessage[]; readonly next: string | null }> {
  const [from = '', ...rest] = after === null ? [states[0]!] : after.split('.')
  let at = states.indexOf(from as State)
  if (at < 0) throw invalid('after', after, 'the next of a page of this list')
  let cursor = rest.length === 0 ? null : rest.join('.')
  const items: StoredMessage[] = []
  while (at < states.length && items.length < limit) {
    const found = await one({ ...query, state: states[at]!, after: cursor, limit: limit - items.length })
    items.push(...found.items)
    if (found.next !== null) return { items, next: `${states[at]}.${found.next}` }
    at++
    cursor = null
  }
  return { items, next: at < states.length ? states[at]! : null }
}

async function getMessage(call: Call): Promise<Answer> {
  const { principal, url } = call
  const data = url.searchParams.get('data') ?? 'json'
  if (data !== 'json' && data !== 'base64') throw invalid('data', data, "'json' or 'base64'")
  const as = url.searchParams.get('as') ?? 'message'
  if (!MODES.includes(as)) throw invalid('as', as, `one of ${MODES.map((mode) => `'${mode}'`).join(', ')}`)
  const stored = await find(call, 'read')
  if (as === 'message') return jsonText(200, showMessage(stored, data satisfies DataForm, principal))
  const event = eventOf(stored, principal)
  const { body } = stored.message
  if (as === 'structured')
    return {
      status: 200,
      headers: { ...OPENED, 'content-type': STRUCTURED_TYPE },
      body: toStructured(event, body, data),
    }
  const { 'content-type': type = '', ...attributes } = toBinary(event)
  const contentType = HEADER_TEXT.test(type) ? type : 'application/octet-stream'
  return { status: 200, headers: { ...OPENED, ...attributes, 'content-type': contentType }, body }
}

const MODES = ['message', 'structured', 'binary']
const HEADER_TEXT = /^[\x21-\x7e][\x20-\x7e]*$/
/** Whoever sent an event says what its data are: a browser must not open them as a page of this server. */
const OPENED = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-disposition': 'attachment',
  'content-security-policy': "sandbox; default-src 'none'",
}

async function deleteMessage(call: Call): Promise<Answer> {
  const { deps } = call
  const { queue, id, state } = await find(call, 'manage')
  if (queue === REPORT_QUEUE)
    throw new PosthornError('forbidden-queue', `'${queue}' is Posthorn's own`, { details: { queue } })
  const { results } = await commit(deps.engine, [{ do: 'discard', messages: [{ queue, id }] }])
  const [discarded] = results
  if (discarded != null && 'count' in discarded && discarded.count > 0) return empty(204)
  if (state === 'leased')
    throw new PosthornError('message-leased', `message ${id} is leased: cancel it, or wait for its end`, {
      details: { queue, id },
    })
  throw notFound(queue, id)
}

async function find({ deps: { engine }, params, principal }: Call, verb: QueueVerb): Promise<StoredMessage> {
  const queue = queueIn(principal, params['queue'], verb)
  const id = params['id']!.toLowerCase()
  const [stored] = isUuid(id) ? await engine.find([{ queue, id }]) : []
  if (stored == null) throw notFound(queue, id)
  return stored
}

function notFound(queue: string, id: string): PosthornError {
  return new PosthornError('message-not-found', `queue '${queue}' has no message ${JSON.stringify(id)}`, {
    details: { queue, id },
  })
}
