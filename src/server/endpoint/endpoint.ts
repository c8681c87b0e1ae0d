/** Endpoints: made, changed, looked at and ended over HTTP, by the platform and by apps. */
import { belongingsOf, inSpace, type AppPrincipal } from '../../app/index.ts'
import type { EndpointOptions, EndpointView } from '../../callback/index.ts'
import { belongingPrefix } from '../../core/belonging.ts'
import { isPosthornError, PosthornError } from '../../core/error.ts'
import { checkName, partsOfAppName, spaceOf } from '../../core/name.ts'
import { isPlain } from '../../core/option.ts'
import { page, ref } from '../openapi/json-schema.ts'
import { IF_PARAMETERS, PAGE_PARAMETERS } from '../openapi/parameter.ts'
import { checkPrecondition, etagOf } from '../queue/resource.ts'
import { pageOf, readPage } from '../request/page.ts'
import { empty, json, type Answer } from '../route/answer.ts'
import { jsonOf, type Call } from '../route/call.ts'
import type { Reply, Route } from '../route/route.ts'
import { checkScope, notThere } from '../route/scope.ts'
import { topicIn } from '../topic/topic.ts'
import { readEndpoint, showEndpoint } from './resource.ts'

const ENDPOINT: Reply = {
  description: 'The endpoint.',
  content: { 'application/json': ref('Endpoint') },
  headers: { ETag: 'Its version, for If-Match.' },
}
const PATCH_TYPE = 'application/merge-patch+json'
const WRITE_PROBLEMS = [
  'invalid',
  'invalid-option',
  'invalid-name',
  'invalid-json',
  'invalid-duration',
  'duration-without-unit',
  'masked-value',
  'callback-not-allowed',
  'topic-not-found',
  'app-not-found',
  'precondition-failed',
  'conflict',
  'subscription-backlog',
  'full',
  'unsupported',
] as const
const FORCE = {
  name: 'force',
  in: 'query',
  description: "'true': also if events still wait; they are discarded.",
  schema: { enum: ['true', 'false'], default: 'false' },
} as const

export const endpointRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/endpoints',
    id: 'listEndpoints',
    forApps: true,
    tag: 'endpoints',
    summary: 'List endpoints, by id',
    parameters: PAGE_PARAMETERS,
    replies: { 200: { description: 'A page.', content: { 'application/json': page(ref('Endpoint')) } } },
    problems: ['invalid'],
    run: list,
  },
  {
    method: 'GET',
    path: '/v1/endpoints/{id}',
    id: 'getEndpoint',
    forApps: true,
    tag: 'endpoints',
    summary: 'Read an endpoint: what it wants, how it is called, how far it is',
    replies: { 200: ENDPOINT },
    problems: ['invalid-name', 'endpoint-not-found'],
    run: async (call) => answer(call, 200, await find(call, 'read')),
  },
  {
    method: 'PUT',
    path: '/v1/endpoints/{id}',
    id: 'putEndpoint',
    forApps: true,
    tag: 'endpoints',
    summary: 'Begin an endpoint, or replace what it says',
    description:
      'What is not given has its default. The answer to the one that begins it has the secret, which is never shown again.',
    parameters: [FORCE, ...IF_PARAMETERS],
    body: { required: true, content: { 'application/json': ref('EndpointSettings') } },
    replies: {
      200: ENDPOINT,
      201: { ...ENDPOINT, description: 'The endpoint has begun.', content: { 'application/json': ref('NewEndpoint') } },
    },
    problems: WRITE_PROBLEMS,
    writes: true,
    run: put,
  },
  {
    method: 'PATCH',
    path: '/v1/endpoints/{id}',
    id: 'patchEndpoint',
    forApps: true,
    tag: 'endpoints',
    summary: 'Change some of what an endpoint says; enable it again',
    description: 'A JSON Merge Patch (RFC 7396): what is not given stays, null is the default.',
    parameters: [FORCE, ...IF_PARAMETERS],
    body: {
      required: true,
      content: { [PATCH_TYPE]: ref('EndpointSettings'), 'application/json': ref('EndpointSettings') },
    },
    replies: { 200: ENDPOINT },
    problems: [...WRITE_PROBLEMS, 'endpoint-not-found'],
    writes: true,
    run: patch,
  },
  {
    method: 'DELETE',
    path: '/v1/endpoints/{id}',
    id: 'deleteEndpoint',
    forApps: true,
    tag: 'endpoints',
    summary: 'End an endpoint',
    parameters: [FORCE, ...IF_PARAMETERS],
    replies: { 204: { description: 'Ended.' } },
    problems: [
      'invalid',
      'invalid-name',
      'endpoint-not-found',
      'subscription-backlog',
      'precondition-failed',
      'conflict',
    ],
    writes: true,
    run: end,
  },
]

/** The engine's id of the endpoint that the principal means. @throws PosthornError `invalid-name`, `endpoint-not-found`, `forbidden-scope` */
export function endpointIn({ principal, params }: Call, verb: 'read' | 'manage'): string {
  const given = params['id'] ?? ''
  // The platform names an app's endpoint as the engine does.
  const parts = principal.app === null ? partsOfAppName(given) : null
  const name = checkName(parts?.name ?? given, 'id')
  checkScope(principal, 'endpoint', verb, name)
  return parts === null ? inSpace(principal, name) : spaceOf(parts.app) + name
}

/** @throws PosthornError `endpoint-not-found`, `forbidden-scope` */
export async function find(call: Call, verb: 'read' | 'manage'): Promise<EndpointView> {
  const view = await call.deps.post.endpoints.get(endpointIn(call, verb))
  if (view === null) throw notThere('endpoint', call.params['id'] ?? '')
  return view
}

async function list(call: Call): Promise<Answer> {
  const { deps, url, principal } = call
  if (principal.kind === 'app') return listForApp(call, principal)
  const { items, next } = await deps.post.endpoints.list(readPage(url))
  return json(200, { items: items.map((view) => showEndpoint(principal, view)), next })
}

async function listForApp({ deps, url, principal }: Call, { app, scopes }: AppPrincipal): Promise<Answer> {
  const prefix = belongingPrefix(app, 'endpoint')
  const names = (await belongingsOf(deps.engine, app, 'endpoint'))
    .map(({ key }) => key.slice(prefix.length))
    .filter((name) => scopes.allows('endpoint', 'read', name))
  const { items, next } = pageOf(url, names, (name) => name)
  const views = await Promise.all(items.map((name) => deps.post.endpoints.get(spaceOf(app) + name)))
  return json(200, { items: views.flatMap((view) => (view === null ? [] : [showEndpoint(principal, view)])), next })
}

async function put(call: Call): Promise<Answer> {
  const { deps, principal } = call
  const id = endpointIn(call, 'manage')
  const { app, options } = readEndpoint(jsonOf(call))
  await checkTarget(call, options)
  const before = await deps.post.endpoints.get(ownedId(id, app))
  checkIf(call, before)
  if (before !== null) return replace(call, before, options)
  if (principal.kind === 'app') await deps.usage.checkCount(principal, 'endpoints')
  const parts = partsOfAppName(id)
  const owner = principal.app ?? parts?.app ?? app
  const { endpoint, secret } = await deps.post.endpoints.create({
    ...(options as EndpointOptions),
    id: parts?.name ?? id,
    ...(owner === undefined ? {} : { app: owner }),
  })
  return answer(call, 201, endpoint, { secret })
}

/** Where the platform makes an app's endpoint by naming the app beside it. */
const ownedId = (id: string, app: string | undefined): string =>
  app === undefined || partsOfAppName(id) !== null ? id : spaceOf(app) + id

/** What is not given has its default; the secret stays unless it is rotated. */
async function replace(
  call: Call,
  before: EndpointView,
  { secret, ...options }: Partial<EndpointOptions>,
): Promise<Answer> {
  if (secret !== undefined)
    throw new PosthornError(
      'invalid',
      'secret is of a new endpoint only: POST …/secrets/rotate changes that of one that is there',
      {
        details: { field: 'secret' },
      },
    )
  const defaults = Object.fromEntries(RESET.map((name) => [name, null]))
  const gone = Object.fromEntries(Object.keys(before.headers).map((name) => [name, null]))
  const { headers = {} } = options
  const given = {
    ...defaults,
    ...options,
    headers: isPlain(headers) ? { ...gone, ...headers } : headers,
  } as Partial<EndpointOptions>
  return answer(call, 200, await write(call, before, given))
}

const RESET = [
  'subscriptions',
  'description',
  'signature',
  'order',
  'ratePerSecond',
  'concurrency',
  'timeout',
  'retry',
  'payload',
  'enabled',
  'drainPerSecond',
  'answerTo',
]

async function patch(call: Call): Promise<Answer> {
  const before = await find(call, 'manage')
  const { options } = readEndpoint(jsonOf(call, [PATCH_TYPE]))
  checkIf(call, before)
  await checkTarget(call, options)
  return answer(call, 200, await write(call, before, options))
}

async function end(call: Call): Promise<Answer> {
  const view = await find(call, 'manage')
  checkIf(call, view)
  await call.deps.post.endpoints.remove(view.id, how(call, view))
  return empty(204)
}

async function write(call: Call, before: EndpointView, options: Partial<EndpointOptions>): Promise<EndpointView> {
  return call.deps.post.endpoints.change(before.id, options, how(call, before))
}

/** Who asked for a version is refused where another has come between; who did not, is not. */
function how(
  { request, url }: Call,
  { version }: EndpointView,
): { readonly ifVersion?: string; readonly force: boolean } {
  const force = url.searchParams.get('force') === 'true'
  return request.headers.has('if-match') ? { ifVersion: version, force } : { force }
}

/** @throws PosthornError `precondition-failed` */
function checkIf({ request }: Call, view: EndpointView | null): void {
  checkPrecondition(
    { ifMatch: request.headers.get('if-match'), ifNoneMatch: request.headers.get('if-none-match') },
    view?.version ?? null,
    view !== null,
    'the endpoint',
  )
}

/** @throws PosthornError `callback-not-allowed`, `invalid-name`, `topic-not-found`, `forbidden-scope` */
async function checkTarget(
  { deps, principal }: Call,
  { url, subscriptions, answerTo }: Partial<EndpointOptions>,
): Promise<void> {
  if (typeof url === 'string' && URL.canParse(url) && /^https?:/i.test(url)) deps.allowance.checkEndpoint(url)
  if (principal.kind !== 'app') return
  if (answerTo != null)
    throw new PosthornError('invalid', 'answerTo is for the platform', { details: { field: 'answerTo' } })
  if (!Array.isArray(subscriptions)) return
  for (const each of subscriptions as readonly unknown[]) {
    const { topic } = Object(each) as { readonly topic?: unknown }
    if (typeof topic === 'string') await topicIn(deps, principal, topic, 'subscribe')
  }
}

function answer(call: Call, status: number, view: EndpointView, more: Record<string, unknown> = {}): Answer {
  const { principal } = call
  return json(status, { ...showEndpoint(principal, view), ...more }, { etag: etagOf(view.version) })
}

/** For those that act on one: what the endpoint's own calls say is not there is not there for this principal. */
export async function orNotThere<T>(call: Call, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (isPosthornError(error) && error.code === 'endpoint-not-found')
      throw notThere('endpoint', call.params['id'] ?? '')
    throw error
  }
}
