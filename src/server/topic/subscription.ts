/** Subscriptions: made, changed, looked at and ended over HTTP. Their queues are leased like any other. */
import { inSpace, type AppPrincipal, type Principal } from '../../app/index.ts'
import { belongingKey } from '../../core/belonging.ts'
import type { Change, Version } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'
import { checkTopicName, partsOfAppName } from '../../core/name.ts'
import {
  defaultSettings,
  settingsKey,
  subscriptionKey,
  subscriptionQueue,
  type QueueSettings,
  type StoredSubscription,
} from '../../core/settings.ts'
import { createTopicControl, listSubscriptions, type SubscriptionView } from '../../topic/index.ts'
import { page, ref, text } from '../openapi/json-schema.ts'
import { IF_PARAMETERS, PAGE_PARAMETERS } from '../openapi/parameter.ts'
import { checkPrecondition, etagOf, RETRY_PREFIX } from '../queue/resource.ts'
import { subscriptionsOf } from '../app/subscription.ts'
import { shownName, subscriptionIn } from '../app/space.ts'
import { pageOf, readPage } from '../request/page.ts'
import { empty, json, type Answer } from '../route/answer.ts'
import { jsonOf, type Call, type ServerDeps } from '../route/call.ts'
import { commit } from '../route/commit.ts'
import type { Parameter, Reply, Route } from '../route/route.ts'
import { DEFAULT_WISH, readTopicName, readWish, showWish, type Wish } from './wish.ts'
import { topicIn } from './topic.ts'

const SUBSCRIPTION: Reply = {
  description: 'The subscription.',
  content: { 'application/json': ref('Subscription') },
  headers: { ETag: 'Its version, for If-Match.' },
}
export const TOPIC_PARAMETER: Parameter = {
  name: 'topic',
  in: 'query',
  description: 'Needed only where several topics have a subscription of this name.',
  schema: text(),
}
const WRITE_PROBLEMS = [
  'invalid',
  'invalid-name',
  'invalid-json',
  'invalid-duration',
  'duration-without-unit',
  'masked-value',
  'topic-not-found',
  'precondition-failed',
  'conflict',
  'full',
  'unsupported',
] as const
const PATCH_TYPE = 'application/merge-patch+json'
const LONGEST_PAGE = 500

export const subscriptionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/subscriptions',
    id: 'listSubscriptions',
    forApps: true,
    tag: 'topics',
    summary: 'List subscriptions, by topic and name',
    parameters: [{ ...TOPIC_PARAMETER, description: 'Only those of this topic.' }, ...PAGE_PARAMETERS],
    replies: { 200: { description: 'A page.', content: { 'application/json': page(ref('Subscription')) } } },
    problems: ['invalid', 'invalid-name'],
    run: list,
  },
  {
    method: 'GET',
    path: '/v1/subscriptions/{name}',
    id: 'getSubscription',
    forApps: true,
    tag: 'topics',
    summary: 'Read a subscription: what it wants, and how far it is',
    parameters: [TOPIC_PARAMETER],
    replies: { 200: SUBSCRIPTION },
    problems: ['invalid', 'invalid-name', 'subscription-not-found'],
    run: async (call) => answer(call, 200, await find(call)),
  },
  {
    method: 'PUT',
    path: '/v1/subscriptions/{name}',
    id: 'putSubscription',
    forApps: true,
    tag: 'topics',
    summary: 'Begin a subscription, or replace what it wants',
    description:
      "What is not given has its default. A subscription that is there goes on from where it is, whatever 'from' says. Events wait in the queue topic:TOPIC:NAME.",
    parameters: IF_PARAMETERS,
    body: { required: true, content: { 'application/json': ref('SubscriptionSettings') } },
    replies: { 200: SUBSCRIPTION, 201: { ...SUBSCRIPTION, description: 'The subscription has begun.' } },
    problems: WRITE_PROBLEMS,
    writes: true,
    run: put,
  },
  {
    method: 'PATCH',
    path: '/v1/subscriptions/{name}',
    id: 'patchSubscription',
    forApps: true,
    tag: 'topics',
    summary: 'Change some of what a subscription wants',
    description: 'A JSON Merge Patch (RFC 7396): what is not given stays, null is the default.',
    parameters: [TOPIC_PARAMETER, ...IF_PARAMETERS],
    body: {
      required: true,
      content: { [PATCH_TYPE]: ref('SubscriptionSettings'), 'application/json': ref('SubscriptionSettings') },
    },
    replies: { 200: SUBSCRIPTION },
    problems: [...WRITE_PROBLEMS, 'subscription-not-found'],
    writes: true,
    run: patch,
  },
  {
    method: 'DELETE',
    path: '/v1/subscriptions/{name}',
    id: 'deleteSubscription',
    forApps: true,
    tag: 'topics',
    summary: 'End a subscription',
    parameters: [
      TOPIC_PARAMETER,
      {
        name: 'force',
        in: 'query',
        description: "'true': also if events still wait; they are discarded.",
        schema: { enum: ['true', 'false'], default: 'false' },
      },
    ],
    replies: { 204: { description: 'Ended.' } },
    problems: ['invalid', 'invalid-name', 'subscription-not-found', 'subscription-backlog'],
    writes: true,
    run: end,
  },
]

interface Found {
  readonly view: SubscriptionView
  readonly wish: Wish
}

async function list(call: Call): Promise<Answer> {
  const { deps, url, principal } = call
  if (principal.kind === 'app') return listForApp(call, principal)
  const topic = url.searchParams.get('topic')
  const { after, limit } = readPage(url)
  const prefix = topic === null ? '' : `${checkTopicName(topic, 'topic')}/`
  const { items, next } = await listSubscriptions(deps, prefix, after, limit)
  const wishes = await wishesOf(deps, items)
  return json(200, { items: items.map((view, at) => show(call, { view, wish: wishes[at]! })), next })
}

async function listForApp(call: Call, principal: AppPrincipal): Promise<Answer> {
  const { deps, url } = call
  const topic = url.searchParams.get('topic')
  if (topic !== null) checkTopicName(topic, 'topic')
  const own = (await subscriptionsOf(deps.engine, principal.app)).filter(
    (each) => (topic === null || each.topic === topic) && principal.scopes.allows('topic', 'subscribe', each.topic),
  )
  const { items, next } = pageOf(url, own, (each) => `${each.topic}/${each.name}`)
  const found: Found[] = []
  for (const each of items) {
    const one = await read(deps, each.topic, inSpace(principal, each.name))
    if (one !== null) found.push(one)
  }
  return json(200, { items: found.map((each) => show(call, each)), next })
}

async function put(call: Call): Promise<Answer> {
  const { deps, params, principal, veil } = call
  const name = subscriptionIn(principal, params['name'])
  const value = jsonOf(call)
  const topic = await topicIn(deps, principal, readTopicName(value), 'subscribe')
  const before = await read(deps, topic, name)
  if (before === null && principal.kind === 'app') await deps.usage.checkCount(principal, 'subscriptions')
  const wish = readWish(value, topic, shownName(principal, name), DEFAULT_WISH, veil)
  await write(call, topic, name, before?.view.version ?? null, wish)
  return answer(call, before === null ? 201 : 200, (await read(deps, topic, name))!)
}

async function patch(call: Call): Promise<Answer> {
  const { deps, principal, veil } = call
  const value = jsonOf(call, [PATCH_TYPE])
  const before = await find(call)
  const { topic, name, version } = before.view
  await write(call, topic, name, version, readWish(value, topic, shownName(principal, name), before.wish, veil))
  return answer(call, 200, (await read(deps, topic, name))!)
}

async function end(call: Call): Promise<Answer> {
  const { deps, url } = call
  const { view } = await find(call)
  const force = url.searchParams.get('force') === 'true'
  await createTopicControl(deps, view.topic).unsubscribe(view.name, { force })
  return empty(204)
}

/** @throws PosthornError `precondition-failed`, `conflict`, `unsupported` */
async function write(
  { deps, request, principal }: Call,
  topic: string,
  name: string,
  version: Version | null,
  wish: Wish,
) {
  checkPrecondition(
    { ifMatch: request.headers.get('if-match'), ifNoneMatch: request.headers.get('if-none-match') },
    version,
    version !== null,
    'the subscription',
  )
  const queue = subscriptionQueue(topic, name)
  const { types, filters, from, order } = wish
  const changes: Change[] = [
    { do: 'bind', subscription: { topic, name, types, filters, from, order }, ifVersion: version },
    {
      do: 'configure',
      queue,
      settings: { ...(await settingsOf(deps, [queue]))[0]!, limit: limitFor(principal, wish.backlog) },
    },
    { do: 'put', key: RETRY_PREFIX + queue, value: toJsonBytes(wish.retry) },
  ]
  const own = belongingOf(topic, name)
  if (own !== null) changes.push({ do: 'put', key: own, value: toJsonBytes({}) })
  await commit(deps.engine, changes)
}

/** What waits for an app is bounded by its quota as well: beyond it the subscription is suspended. */
function limitFor(principal: Principal, { messages, bytes }: Wish['backlog']): Wish['backlog'] {
  if (principal.kind === 'platform') return { messages, bytes }
  return {
    messages: messages ?? DEFAULT_WISH.backlog.messages,
    bytes: Math.min(bytes ?? Infinity, principal.quotas.bytes),
  }
}

/** The record that says that a subscription is an app's; null for the platform's. */
function belongingOf(topic: string, name: string): string | null {
  const of = partsOfAppName(name)
  return of === null ? null : belongingKey(of.app, 'subscription', `${topic}/${of.name}`)
}

/** By name, and by topic where the name alone does not tell. @throws PosthornError `subscription-not-found`, `invalid` */
export async function findSubscription({ deps, params, url, principal }: Call): Promise<SubscriptionView> {
  const name = subscriptionIn(principal, params['name'])
  const given = shownName(principal, name)
  const asked = url.searchParams.get('topic')
  const topics = asked === null ? await topicsOf(deps, principal, name) : [checkTopicName(asked, 'topic')]
  // A scope that the key does not have hides the topic's subscriptions too.
  const isHidden = (topic: string) => !principal.scopes.allows('topic', 'subscribe', topic)
  if (topics.length > 1)
    throw new PosthornError(
      'invalid',
      `there are subscriptions '${given}' of the topics ${topics.map((each) => `'${each}'`).join(', ')}: say which with ?topic=`,
      { details: { field: 'topic' } },
    )
  const view =
    topics[0] === undefined || isHidden(topics[0]) ? null : await createTopicControl(deps, topics[0]).subscription(name)
  if (view === null)
    throw new PosthornError(
      'subscription-not-found',
      `there is no subscription '${given}'${asked === null ? '' : ` of topic '${asked}'`}`,
      { details: { subscription: given } },
    )
  return view
}

async function find(call: Call): Promise<Found> {
  const view = await findSubscription(call)
  return { view, wish: (await wishesOf(call.deps, [view]))[0]! }
}

async function read(deps: ServerDeps, topic: string, name: string): Promise<Found | null> {
  const view = await createTopicControl(deps, topic).subscription(name)
  return view === null ? null : { view, wish: (await wishesOf(deps, [view]))[0]! }
}

/** Topics that have a subscription of this name; two are as many as need to be known. */
async function topicsOf({ engine }: ServerDeps, principal: Principal, name: string): Promise<readonly string[]> {
  if (principal.app !== null) {
    const own = await subscriptionsOf(engine, principal.app)
    return own.filter((each) => inSpace(principal, each.name) === name).map(({ topic }) => topic)
  }
  const topics: string[] = []
  for (let after: string | null = null, more = true; more && topics.length < 2;) {
    const found = await engine.list({ prefix: 'subscription/', after, limit: LONGEST_PAGE })
    for (const { key } of found.items) {
      const [, topic, each] = key.split('/')
      if (each === name) topics.push(topic!)
    }
    after = found.next
    more = after !== null
  }
  return topics
}

async function wishesOf(deps: ServerDeps, views: readonly SubscriptionView[]): Promise<readonly Wish[]> {
  const queues = views.map(({ queue }) => queue)
  const settings = await settingsOf(deps, queues)
  const retries = await deps.engine.get(queues.map((queue) => RETRY_PREFIX + queue))
  const stored = await deps.engine.get(views.map(({ topic, name }) => subscriptionKey(topic, name)))
  return views.map(({ types, filters, order }, at) => ({
    types,
    filters,
    order,
    from: stored[at] == null ? 'now' : (fromJsonBytes(stored[at].value) as StoredSubscription).from,
    backlog: settings[at]!.limit,
    retry: retries[at] == null ? DEFAULT_WISH.retry : (fromJsonBytes(retries[at].value) as Wish['retry']),
  }))
}

async function settingsOf({ engine }: ServerDeps, queues: readonly string[]): Promise<readonly QueueSettings[]> {
  const stored = await engine.get(queues.map(settingsKey))
  return queues.map((queue, at) => ({
    ...defaultSettings(queue),
    ...(stored[at] == null ? {} : (fromJsonBytes(stored[at].value) as QueueSettings)),
  }))
}

function answer(call: Call, status: number, found: Found): Answer {
  return json(status, show(call, found), { etag: etagOf(found.view.version) })
}

function show({ principal, veil }: Call, { view, wish }: Found): Record<string, unknown> {
  const { topic, name, queue, status, gaps, lag, dead, waitingSince, idle } = view
  return {
    name: shownName(principal, name),
    topic,
    queue: shownName(principal, queue),
    ...showWish(wish, veil),
    status,
    gaps,
    lag,
    dead,
    waitingSince,
    idle,
  }
}
