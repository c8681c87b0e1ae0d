/** Topics: which there are, what they keep, and reading that. */
import type { Principal, ScopeVerb, Veil } from '../../app/index.ts'
import { isRfc3339 } from '../../core/cloud-event/attribute.ts'
import { BATCH_TYPE } from '../../core/cloud-event/media-type.ts'
import { toStructured } from '../../core/cloud-event/structured.ts'
import { formatDuration } from '../../core/duration.ts'
import { checkName, checkTopicName } from '../../core/name.ts'
import type { Page, RetainedEvent } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { fromJsonBytes } from '../../core/json.ts'
import type { StoredRecord } from '../../core/record.ts'
import { topicKey, type ReadFrom, type Retention } from '../../core/settings.ts'
import { subscriptionsOf } from '../app/subscription.ts'
import { checkScope, notThere } from '../route/scope.ts'
import { keptEventOf } from '../message/show.ts'
import { duration, list, object, options, orNull, page, ref, text, whole } from '../openapi/json-schema.ts'
import { PAGE_PARAMETERS } from '../openapi/parameter.ts'
import { Fields, invalid, parseTime } from '../request/field.ts'
import { pageOf, readPage } from '../request/page.ts'
import { json, jsonText, type Answer } from '../route/answer.ts'
import { jsonOf, type Call, type ServerDeps } from '../route/call.ts'
import { commit } from '../route/commit.ts'
import type { Reply, Route } from '../route/route.ts'

const TOPIC: Reply = { description: 'The topic.', content: { 'application/json': ref('Topic') } }
const MOST_COUNT = 1_000_000_000
const DEFAULT_COUNT = 1_000_000
const LONGEST_PAGE = 500

export const topicRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/topics',
    id: 'listTopics',
    forApps: true,
    tag: 'topics',
    summary: 'List topics, by name: those that have a contract here, subscriptions, or keep their events',
    parameters: PAGE_PARAMETERS,
    replies: { 200: { description: 'A page.', content: { 'application/json': page(ref('Topic')) } } },
    problems: ['invalid'],
    run: listTopics,
  },
  {
    method: 'GET',
    path: '/v1/topics/{topic}',
    id: 'getTopic',
    forApps: true,
    tag: 'topics',
    summary: 'Read what a topic keeps',
    replies: { 200: TOPIC },
    problems: ['invalid-name', 'topic-not-found'],
    run: getTopic,
  },
  {
    method: 'PUT',
    path: '/v1/topics/{topic}',
    id: 'putTopic',
    tag: 'topics',
    summary: 'Say what a topic keeps of its events',
    description: 'retain null: it keeps none from now on, and forgets those it has.',
    body: {
      required: true,
      content: {
        'application/json': object(
          {
            retain: orNull(
              options({
                for: { ...orNull(duration), description: 'Null: as long as there is room.' },
                count: whole(1, MOST_COUNT, DEFAULT_COUNT),
              }),
            ),
          },
          { closed: true },
        ),
      },
    },
    replies: { 200: TOPIC },
    problems: [
      'invalid',
      'invalid-name',
      'invalid-json',
      'invalid-duration',
      'duration-without-unit',
      'full',
      'unsupported',
    ],
    writes: true,
    run: putTopic,
  },
  {
    method: 'GET',
    path: '/v1/topics/{topic}/events',
    id: 'readEvents',
    forApps: true,
    tag: 'topics',
    summary: 'Read the events that a topic keeps, in order',
    parameters: [
      {
        name: 'from',
        in: 'query',
        description: "'beginning', a time, or a position: with what came after it. Default: beginning.",
        schema: text(),
      },
      PAGE_PARAMETERS.find(({ name }) => name === 'limit')!,
      {
        name: 'data',
        in: 'query',
        description: "'base64': the exact bytes.",
        schema: { enum: ['json', 'base64'], default: 'json' },
      },
    ],
    replies: {
      200: {
        description: 'A page; its next is a position to go on from.',
        content: {
          'application/json': page(object({ position: text(), event: ref('Event') })),
          'application/cloudevents-batch+json': list(ref('Event')),
        },
        headers: { Link: 'Of a batch: rel="next", where there is more.' },
      },
    },
    problems: ['invalid', 'invalid-name', 'topic-not-found', 'unsupported'],
    run: readTopic,
  },
]

/**
 * The topic that is meant: also Posthorn's own, which the platform may read and subscribe to. To an app a topic is there when its key has a
 * scope for it, and the platform has said that there is one: by a contract or by settings. That others use it does not make it so.
 * @throws PosthornError `invalid-name`, `topic-not-found`, `forbidden-scope`
 */
export async function topicIn(
  deps: ServerDeps,
  principal: Principal,
  given: unknown,
  verb: ScopeVerb<'topic'> | null = null,
): Promise<string> {
  const topic = checkTopicName(given, 'topic')
  if (principal.kind === 'platform') return topic
  if (isOwnTopic(topic) || !principal.scopes.covers('topic', topic)) throw notThere('topic', topic)
  if (verb !== null) checkScope(principal, 'topic', verb, topic)
  const [stored = null] = deps.registry.topic(topic) === undefined ? await deps.engine.get([topicKey(topic)]) : []
  if (stored === null && deps.registry.topic(topic) === undefined) throw notThere('topic', topic)
  return topic
}

export const isOwnTopic = (topic: string): boolean => topic.includes(':')

async function listTopics({ deps, url, principal }: Call): Promise<Answer> {
  const counts = await countFor(deps, principal)
  for await (const name of keys(deps, 'topic/')) if (!counts.has(name)) counts.set(name, 0)
  for (const { name } of deps.registry.topics()) if (!counts.has(name)) counts.set(name, 0)
  const isShown = (name: string) =>
    principal.kind === 'platform' || (!isOwnTopic(name) && principal.scopes.covers('topic', name))
  const { items, next } = pageOf(url, [...counts.keys()].filter(isShown).sort(), (name) => name)
  const retentions = await retentionsOf(deps, items)
  return json(200, {
    items: items.map((name, at) => show(deps, name, retentions[at]!, counts.get(name)!)),
    next,
  })
}

async function getTopic({ deps, params, principal }: Call): Promise<Answer> {
  const topic = await topicIn(deps, principal, params['topic'])
  const shown = await find(deps, topic, principal)
  if (
    principal.kind === 'platform' &&
    shown.subscriptions === 0 &&
    shown.retain === null &&
    deps.registry.topic(topic) === undefined
  )
    throw new PosthornError('topic-not-found', `there is no topic '${topic}'`, { details: { topic } })
  return json(200, shown)
}

async function putTopic(call: Call): Promise<Answer> {
  const topic = checkName(call.params['topic'], 'topic')
  const fields = new Fields(jsonOf(call), ['retain', 'topic', 'types', 'subscriptions'])
  if (!fields.has('retain')) throw invalid('retain', undefined, '{ "for": \'7d\', "count": 10000 } or null')
  await commit(call.deps.engine, [{ do: 'retain', topic, retention: readRetention(fields.raw('retain')) }])
  return json(200, await find(call.deps, topic, call.principal))
}

function readRetention(value: unknown): Retention | null {
  if (value === null) return null
  const fields = new Fields(value, ['for', 'count'], 'retain')
  return {
    ms: fields.raw('for') === null ? null : fields.duration('for', null),
    count: fields.whole('count', { min: 1, max: MOST_COUNT }, DEFAULT_COUNT),
  }
}

async function readTopic(call: Call): Promise<Answer> {
  const { deps, params, url, request, principal, veil } = call
  const topic = await topicIn(deps, principal, params['topic'], 'read')
  const data = url.searchParams.get('data') ?? 'json'
  if (data !== 'json' && data !== 'base64') throw invalid('data', data, "'json' or 'base64'")
  const { items, next } = await deps.engine.read({
    topic,
    from: readFrom(revealFrom(veil, url.searchParams.get('from'))),
    limit: readPage(url).limit,
  })
  const hide = (position: string) => veil.hide('position', position)
  if (wantsBatch(request)) return toBatch(call, items, next && hide(next))
  const shown = items.map(
    ({ position, message }) =>
      `{"position":${JSON.stringify(hide(position))},"event":${toStructured(keptEventOf(message, principal), message.body, data)}}`,
  )
  return jsonText(200, `{"items":[${shown.join(',')}],"next":${JSON.stringify(next && hide(next))}}`)
}

/** A position as the engine has it; what is none is left to be refused. */
export function revealFrom(veil: Veil, from: string | null): string | null {
  return from === null || from === 'beginning' || isRfc3339(from) ? from : (veil.reveal('position', from) ?? from)
}

const wantsBatch = (request: Request): boolean =>
  (request.headers.get('accept') ?? '').toLowerCase().includes('application/cloudevents-batch+json')

/** A batch as the standard has it holds events alone: where to go on is in a header. */
function toBatch({ url, principal }: Call, items: readonly RetainedEvent[], next: string | null): Answer {
  const headers: Record<string, string> = { 'content-type': BATCH_TYPE, 'cache-control': 'no-store' }
  if (next !== null) {
    const more = new URL(url)
    more.searchParams.set('from', next)
    headers['link'] = `<${more.pathname}${more.search}>; rel="next"`
  }
  const events = items.map(({ message }) => toStructured(keptEventOf(message, principal), message.body))
  return { status: 200, headers, body: `[${events.join(',')}]` }
}

/** As clients write it: `beginning`, a time or a position. @throws PosthornError `invalid` */
export function readFrom(from: string | null): ReadFrom {
  if (from === null || from === 'beginning') return 'beginning'
  if (/^\d{1,16}$/.test(from)) return { position: from }
  return { at: parseTime(from, 'from') }
}

interface TopicShown {
  readonly topic: string
  /** Event types of its contract, where it is known here. */
  readonly types: readonly string[]
  readonly retain: { readonly for: string | null; readonly count: number } | null
  readonly subscriptions: number
}

async function find(deps: ServerDeps, topic: string, principal: Principal): Promise<TopicShown> {
  const counts = principal.app === null ? await countSubscriptions(deps, `${topic}/`) : await countFor(deps, principal)
  const [retention = null] = await retentionsOf(deps, [topic])
  return show(deps, topic, retention, counts.get(topic) ?? 0)
}

function show(deps: ServerDeps, topic: string, retention: Retention | null, subscriptions: number): TopicShown {
  const retain = retention && {
    for: retention.ms === null ? null : formatDuration(retention.ms),
    count: retention.count,
  }
  return { topic, types: [...(deps.registry.topic(topic)?.events.keys() ?? [])], retain, subscriptions }
}

async function retentionsOf({ engine }: ServerDeps, topics: readonly string[]): Promise<readonly (Retention | null)[]> {
  const stored = await engine.get(topics.map(topicKey))
  return stored.map((each) => each && (fromJsonBytes(each.value) as Retention | null))
}

/** By topic; of an app, its own. */
async function countFor(deps: ServerDeps, { app }: Principal): Promise<Map<string, number>> {
  if (app === null) return countSubscriptions(deps, '')
  const counts = new Map<string, number>()
  for (const { topic } of await subscriptionsOf(deps.engine, app)) counts.set(topic, (counts.get(topic) ?? 0) + 1)
  return counts
}

/** By topic. */
async function countSubscriptions(deps: ServerDeps, prefix: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for await (const name of keys(deps, `subscription/${prefix}`)) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** The topics' names in the keys of records. */
async function* keys({ engine }: ServerDeps, prefix: string): AsyncGenerator<string, void, undefined> {
  for (let after: string | null = null, more = true; more;) {
    const { items, next }: Page<StoredRecord> = await engine.list({ prefix, after, limit: LONGEST_PAGE })
    for (const { key } of items) yield key.split('/')[1]!
    after = next
    more = next !== null
  }
}
