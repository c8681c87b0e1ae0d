/** Topics: which there are, what they keep, and reading that. */
import { BATCH_TYPE } from '../../core/cloud-event/media-type.ts'
import { toStructured } from '../../core/cloud-event/structured.ts'
import { formatDuration } from '../../core/duration.ts'
import { checkName, EVENTS_TOPIC } from '../../core/name.ts'
import type { Page, RetainedEvent } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { fromJsonBytes } from '../../core/json.ts'
import type { StoredRecord } from '../../core/record.ts'
import { topicKey, type ReadFrom, type Retention } from '../../core/settings.ts'
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
    problems: ['invalid', 'invalid-name', 'unsupported'],
    run: readTopic,
  },
]

/** Also Posthorn's own, which may be read and subscribed to. @throws PosthornError `invalid-name` */
export function checkTopicName(name: unknown): string {
  return name === EVENTS_TOPIC ? name : checkName(name, 'topic')
}

async function listTopics({ deps, url }: Call): Promise<Answer> {
  const counts = await countSubscriptions(deps, '')
  for await (const name of keys(deps, 'topic/')) if (!counts.has(name)) counts.set(name, 0)
  for (const { name } of deps.registry.topics()) if (!counts.has(name)) counts.set(name, 0)
  const { items, next } = pageOf(url, [...counts.keys()].sort(), (name) => name)
  const retentions = await retentionsOf(deps, items)
  return json(200, {
    items: items.map((name, at) => show(deps, name, retentions[at]!, counts.get(name)!)),
    next,
  })
}

async function getTopic({ deps, params }: Call): Promise<Answer> {
  const topic = checkTopicName(params['topic'])
  const shown = await find(deps, topic)
  if (shown.subscriptions === 0 && shown.retain === null && deps.registry.topic(topic) === undefined)
    throw new PosthornError('topic-not-found', `there is no topic '${topic}'`, { details: { topic } })
  return json(200, shown)
}

async function putTopic(call: Call): Promise<Answer> {
  const topic = checkName(call.params['topic'], 'topic')
  const fields = new Fields(jsonOf(call), ['retain', 'topic', 'types', 'subscriptions'])
  if (!fields.has('retain')) throw invalid('retain', undefined, '{ "for": \'7d\', "count": 10000 } or null')
  await commit(call.deps.engine, [{ do: 'retain', topic, retention: readRetention(fields.raw('retain')) }])
  return json(200, await find(call.deps, topic))
}

function readRetention(value: unknown): Retention | null {
  if (value === null) return null
  const fields = new Fields(value, ['for', 'count'], 'retain')
  return {
    ms: fields.raw('for') === null ? null : fields.duration('for', null),
    count: fields.whole('count', { min: 1, max: MOST_COUNT }, DEFAULT_COUNT),
  }
}

async function readTopic({ deps, params, url, request }: Call): Promise<Answer> {
  const topic = checkTopicName(params['topic'])
  const data = url.searchParams.get('data') ?? 'json'
  if (data !== 'json' && data !== 'base64') throw invalid('data', data, "'json' or 'base64'")
  const { items, next } = await deps.engine.read({
    topic,
    from: readFrom(url.searchParams.get('from')),
    limit: readPage(url).limit,
  })
  if (wantsBatch(request)) return toBatch(url, items, next)
  const shown = items.map(
    ({ position, message }) =>
      `{"position":${JSON.stringify(position)},"event":${toStructured(keptEventOf(message), message.body, data)}}`,
  )
  return jsonText(200, `{"items":[${shown.join(',')}],"next":${JSON.stringify(next)}}`)
}

const wantsBatch = (request: Request): boolean =>
  (request.headers.get('accept') ?? '').toLowerCase().includes('application/cloudevents-batch+json')

/** A batch as the standard has it holds events alone: where to go on is in a header. */
function toBatch(url: URL, items: readonly RetainedEvent[], next: string | null): Answer {
  const headers: Record<string, string> = { 'content-type': BATCH_TYPE, 'cache-control': 'no-store' }
  if (next !== null) {
    const more = new URL(url)
    more.searchParams.set('from', next)
    headers['link'] = `<${more.pathname}${more.search}>; rel="next"`
  }
  const events = items.map(({ message }) => toStructured(keptEventOf(message), message.body))
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

async function find(deps: ServerDeps, topic: string): Promise<TopicShown> {
  const counts = await countSubscriptions(deps, `${topic}/`)
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
