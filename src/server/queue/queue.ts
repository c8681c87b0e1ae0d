/** Queues: their settings and depths, and pausing them. */
import type { QueueDepth } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { isInSpace, queuesOf, type Principal } from '../../app/index.ts'
import { queueIn, shownName } from '../app/space.ts'
import { notThere } from '../route/scope.ts'
import { toTimeOrNull } from '../message/show.ts'
import { page, ref } from '../openapi/json-schema.ts'
import { IDEMPOTENCY_PARAMETER, IF_PARAMETERS, PAGE_PARAMETERS } from '../openapi/parameter.ts'
import { pageOf } from '../request/page.ts'
import { json, type Answer } from '../route/answer.ts'
import { jsonOf, type Call, type ServerDeps } from '../route/call.ts'
import type { Reply, Route } from '../route/route.ts'
import {
  etagOf,
  readResource,
  readResources,
  writeResource,
  type Precondition,
  type VersionedResource,
} from './resource.ts'
import { allowedTo, DEFAULT_RESOURCE, readSettings, showSettings, type QueueResource } from './settings.ts'

const QUEUE: Reply = {
  description: 'The queue.',
  content: { 'application/json': ref('Queue') },
  headers: { ETag: 'Version of its settings, for If-Match.' },
}
const WRITE_PROBLEMS = [
  'invalid',
  'invalid-name',
  'invalid-json',
  'invalid-duration',
  'duration-without-unit',
  'masked-value',
  'precondition-failed',
  'conflict',
  'unsupported',
  'forbidden-queue',
] as const
const PATCH_TYPE = 'application/merge-patch+json'
const NO_DEPTH = {
  arrived: 0,
  ready: 0,
  held: 0,
  delayed: 0,
  leased: 0,
  dead: 0,
  ended: { acked: 0, expired: 0, cancelled: 0, discarded: 0 },
  bytes: 0,
  oldestReadyAt: null,
}

export const queueRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/queues',
    id: 'listQueues',
    forApps: true,
    tag: 'queues',
    summary: 'List queues, by name',
    parameters: PAGE_PARAMETERS,
    replies: { 200: { description: 'A page.', content: { 'application/json': page(ref('Queue')) } } },
    problems: ['invalid'],
    run: listQueues,
  },
  {
    method: 'GET',
    path: '/v1/queues/{queue}',
    id: 'getQueue',
    forApps: true,
    tag: 'queues',
    summary: 'Read settings and depths of a queue',
    replies: { 200: QUEUE },
    problems: ['invalid-name', 'queue-not-found'],
    run: getQueue,
  },
  {
    method: 'PUT',
    path: '/v1/queues/{queue}',
    id: 'putQueue',
    forApps: true,
    tag: 'queues',
    summary: 'Create a queue, or replace its settings',
    description: 'What is not given has its default.',
    parameters: IF_PARAMETERS,
    body: { required: false, content: { 'application/json': ref('QueueSettings') } },
    replies: { 200: QUEUE, 201: { ...QUEUE, description: 'The queue was created.' } },
    problems: WRITE_PROBLEMS,
    writes: true,
    run: (call) => write(call, () => readSettings(jsonOf(call), DEFAULT_RESOURCE)),
  },
  {
    method: 'PATCH',
    path: '/v1/queues/{queue}',
    id: 'patchQueue',
    forApps: true,
    tag: 'queues',
    summary: 'Change some settings of a queue',
    description:
      'A JSON Merge Patch (RFC 7396): what is not given stays. null is "none" where that is a setting, and the default elsewhere.',
    parameters: IF_PARAMETERS,
    body: { required: true, content: { [PATCH_TYPE]: ref('QueueSettings'), 'application/json': ref('QueueSettings') } },
    replies: { 200: QUEUE },
    problems: [...WRITE_PROBLEMS, 'queue-not-found'],
    writes: true,
    run: patchQueue,
  },
  ...(['pause', 'resume'] as const).map((verb): Route => ({
    method: 'POST',
    path: `/v1/queues/{queue}/${verb}`,
    id: `${verb}Queue`,
    forApps: true,
    tag: 'queues',
    summary: verb === 'pause' ? 'Hand out nothing of a queue; it goes on taking messages' : 'Hand out again',
    parameters: [IDEMPOTENCY_PARAMETER],
    replies: { 200: QUEUE },
    problems: ['invalid-name', 'queue-not-found', 'forbidden-queue'],
    writes: true,
    idempotent: true,
    run: (call) => setPaused(call, verb === 'pause'),
  })),
]

async function listQueues({ deps, url, principal }: Call): Promise<Answer> {
  const depths = [...(await deps.engine.depth(await namesFor(deps, principal)))].sort((a, b) =>
    a.queue < b.queue ? -1 : 1,
  )
  const { items, next } = pageOf(url, depths, ({ queue }) => shownName(principal, queue))
  const resources = await readResources(
    deps,
    items.map(({ queue }) => queue),
  )
  return json(200, {
    items: items.map((depth, at) => show(shownName(principal, depth.queue), depth, resources[at]!)),
    next,
  })
}

/** An app's own queues, as far as its key may look at them. */
async function namesFor({ engine }: ServerDeps, principal: Principal): Promise<readonly string[] | 'all'> {
  if (principal.app === null) return 'all'
  const queues = await queuesOf(engine, principal.app)
  return queues.filter((queue) => principal.scopes.allows('queue', 'read', shownName(principal, queue)))
}

async function getQueue(call: Call): Promise<Answer> {
  const { deps, params, principal } = call
  const queue = queueIn(principal, params['queue'], 'read')
  return answer(call, queue, await readResource(deps, queue), await findDepth(call, queue))
}

async function patchQueue(call: Call): Promise<Answer> {
  const value = jsonOf(call, [PATCH_TYPE])
  return write(call, ({ resource }) => readSettings(value, resource), true)
}

async function setPaused(call: Call, paused: boolean): Promise<Answer> {
  return write(call, ({ resource }) => ({ ...resource, settings: { ...resource.settings, paused } }), true)
}

/** @param known whether the queue must be there */
async function write(call: Call, change: (stored: VersionedResource) => QueueResource, known = false): Promise<Answer> {
  const { deps, params, request, memory, principal } = call
  const queue = queueIn(principal, params['queue'], 'manage')
  if (queue.startsWith('system:'))
    throw new PosthornError('forbidden-queue', `the settings of '${queue}' are Posthorn's own`, { details: { queue } })
  // The queue of a subscription begins with that.
  const mayBeNew = !known && (principal.kind === 'platform' || isInSpace(principal, queue))
  const before = await findDepth(call, queue, mayBeNew)
  if (before === null && principal.kind === 'app') await deps.usage.checkCount(principal, 'queues')
  const precondition: Precondition = {
    ifMatch: request.headers.get('if-match'),
    ifNoneMatch: request.headers.get('if-none-match'),
  }
  const written = await writeResource(
    deps,
    queue,
    precondition,
    (stored) => allowedTo(principal, change(stored)),
    (stored) => memory.remember(answer(call, queue, stored, before)),
  )
  const status = before === null ? 201 : 200
  const answered = { ...answer(call, queue, written, before), status: known ? 200 : status }
  await memory.correct(answered)
  return answered
}

async function findDepth({ deps, principal }: Call, queue: string, mayBeNew = false): Promise<QueueDepth | null> {
  const [depth] = await deps.engine.depth([queue])
  if (depth === undefined && !mayBeNew) throw notThere('queue', shownName(principal, queue))
  return depth ?? null
}

function answer({ principal }: Call, queue: string, stored: VersionedResource, depth: QueueDepth | null): Answer {
  return json(200, show(shownName(principal, queue), depth, stored), { etag: etagOf(stored.version) })
}

function show(queue: string, depth: QueueDepth | null, { resource }: VersionedResource): Record<string, unknown> {
  const { arrived, ready, held, delayed, leased, dead, ended, bytes, oldestReadyAt } = depth ?? NO_DEPTH
  return {
    queue,
    arrived,
    ready,
    held,
    delayed,
    leased,
    dead,
    ended,
    bytes,
    oldestReadyAt: toTimeOrNull(oldestReadyAt),
    ...showSettings(resource),
  }
}
