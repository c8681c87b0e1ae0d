/** Apps, administered by the platform; and an app's look at itself. */
import { defaultSettings, type AppOptions, type AppView } from '../../app/index.ts'
import { PosthornError } from '../../core/error.ts'
import { page, ref } from '../openapi/json-schema.ts'
import { IF_PARAMETERS, PAGE_PARAMETERS } from '../openapi/parameter.ts'
import { checkPrecondition, etagOf } from '../queue/resource.ts'
import { Fields, invalid } from '../request/field.ts'
import { readPage } from '../request/page.ts'
import { empty, json, type Answer } from '../route/answer.ts'
import { jsonOf, type Call } from '../route/call.ts'
import type { Reply, Route } from '../route/route.ts'
import { actOf, BY_PARAMETER } from './act.ts'
import { keyRoutes } from './key-route.ts'
import { showApp, showKey } from './resource.ts'

const APP: Reply = {
  description: 'The app.',
  content: { 'application/json': ref('App') },
  headers: { ETag: 'Its version, for If-Match.' },
}
const PATCH_TYPE = 'application/merge-patch+json'
const SETTINGS = ['title', 'scopes', 'quotas', 'maxPriority', 'source', 'callbackOrigins'] as const
/** Shown beside the settings, and ignored in a write. */
const READ_ONLY = ['name', 'paused', 'deleting', 'createdAt', 'keys', 'usage']
const WRITE_PROBLEMS = ['invalid', 'invalid-name', 'invalid-json', 'invalid-option'] as const

export const appRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/apps',
    id: 'listApps',
    tag: 'apps',
    summary: 'List apps, by name',
    parameters: PAGE_PARAMETERS,
    replies: { 200: { description: 'A page.', content: { 'application/json': page(ref('App')) } } },
    problems: ['invalid'],
    run: listApps,
  },
  {
    method: 'POST',
    path: '/v1/apps',
    id: 'createApp',
    tag: 'apps',
    parameters: [BY_PARAMETER],
    summary: 'Make an app',
    description: 'It has no key yet: POST /v1/apps/{app}/keys gives it one.',
    body: { required: true, content: { 'application/json': ref('NewApp') } },
    replies: { 201: { ...APP, description: 'The app was made.' } },
    problems: [...WRITE_PROBLEMS, 'app-exists'],
    writes: true,
    run: createApp,
  },
  {
    method: 'GET',
    path: '/v1/apps/{app}',
    id: 'getApp',
    tag: 'apps',
    summary: 'Read an app: what it may, its keys, and what it has stored',
    replies: { 200: APP },
    problems: ['invalid-name', 'app-not-found'],
    run: async (call) => answer(call, 200, await find(call)),
  },
  {
    method: 'PATCH',
    path: '/v1/apps/{app}',
    id: 'patchApp',
    tag: 'apps',
    summary: 'Change some of what an app is and may',
    description: 'A JSON Merge Patch (RFC 7396): what is not given stays. Holds everywhere within five seconds.',
    parameters: [BY_PARAMETER, ...IF_PARAMETERS],
    body: {
      required: true,
      content: { [PATCH_TYPE]: ref('AppSettings'), 'application/json': ref('AppSettings') },
    },
    replies: { 200: APP },
    problems: [...WRITE_PROBLEMS, 'app-not-found', 'precondition-failed', 'conflict'],
    writes: true,
    run: patchApp,
  },
  {
    method: 'DELETE',
    path: '/v1/apps/{app}',
    id: 'deleteApp',
    tag: 'apps',
    summary: 'End an app and its keys',
    parameters: [
      BY_PARAMETER,
      {
        name: 'force',
        in: 'query',
        description:
          "'true': also if it still has messages, subscriptions, endpoints or operations; they are discarded.",
        schema: { enum: ['true', 'false'], default: 'false' },
      },
    ],
    replies: { 204: { description: 'Ended.' } },
    problems: ['invalid-name', 'app-not-found', 'app-not-empty', 'conflict'],
    writes: true,
    run: deleteApp,
  },
  ...(['pause', 'resume'] as const).map((verb): Route => ({
    method: 'POST',
    path: `/v1/apps/{app}/${verb}`,
    id: `${verb}App`,
    tag: 'apps',
    parameters: [BY_PARAMETER],
    summary:
      verb === 'pause'
        ? 'Refuse the keys of an app; what is due to its endpoints waits, what it has sent goes on'
        : 'Take its keys again',
    replies: { 200: APP },
    problems: ['invalid-name', 'app-not-found', 'conflict'],
    writes: true,
    run: async (call) => answer(call, 200, await call.deps.post.apps[verb](call.params['app']!, actOf(call))),
  })),
  ...keyRoutes,
  {
    method: 'GET',
    path: '/v1/app',
    id: 'getOwnApp',
    tag: 'apps',
    summary: 'What the app that asks is and may, and what it has stored',
    forApps: true,
    replies: { 200: { description: 'The app.', content: { 'application/json': ref('OwnApp') } } },
    problems: ['app-not-found'],
    run: getOwnApp,
  },
]

async function listApps(call: Call): Promise<Answer> {
  const { items, next } = await call.deps.post.apps.list(readPage(call.url))
  return json(200, { items: items.map(showApp), next })
}

async function createApp(call: Call): Promise<Answer> {
  const fields = new Fields(jsonOf(call), ['name', ...SETTINGS])
  const name = fields.text('name', null)
  if (name === null) throw invalid('name', undefined, 'the name of the app')
  return answer(call, 201, await call.deps.post.apps.create(name, { ...settingsOf(fields), ...actOf(call) }))
}

async function patchApp(call: Call): Promise<Answer> {
  const { deps, request, params } = call
  const fields = new Fields(jsonOf(call, [PATCH_TYPE]), [...SETTINGS, ...READ_ONLY])
  const before = await find(call)
  const precondition = {
    ifMatch: request.headers.get('if-match'),
    ifNoneMatch: request.headers.get('if-none-match'),
  }
  checkPrecondition(precondition, before.version, true, 'the app')
  const isConditional = precondition.ifMatch !== null
  const options = { ...actOf(call), ...(isConditional ? { ifVersion: before.version } : {}) }
  const change = { ...resetOf(fields, before.name), ...settingsOf(fields) }
  return answer(call, 200, await deps.post.apps.update(params['app']!, change, options))
}

async function deleteApp(call: Call): Promise<Answer> {
  const { deps, params, url } = call
  await deps.post.apps.delete(params['app']!, { ...actOf(call), force: url.searchParams.get('force') === 'true' })
  return empty(204)
}

/** Without its version, which counts everybody's doings, and without the ids of its other keys. */
async function getOwnApp(call: Call): Promise<Answer> {
  const { deps, principal } = call
  if (principal.kind === 'platform')
    throw new PosthornError('app-not-found', 'this key is the platform’s: GET /v1/apps lists the apps')
  const app = await deps.post.apps.get(principal.app)
  if (app === null) throw new PosthornError('app-not-found', `there is no app '${principal.app}'`)
  const { name, title, scopes, quotas, maxPriority, source, callbackOrigins } = app
  const key = app.keys.find(({ id }) => id === principal.keyId)
  return json(200, {
    name,
    title,
    scopes,
    key: key === undefined ? null : showKey(key),
    quotas,
    usage: await deps.usage.look(name),
    maxPriority,
    source,
    callbackOrigins,
  })
}

async function find({ deps, params }: Call): Promise<AppView> {
  const name = params['app']!
  const app = await deps.post.apps.get(name)
  if (app === null) throw new PosthornError('app-not-found', `there is no app '${name}'`, { details: { app: name } })
  return app
}

/** What a merge patch takes away has its default again. */
function resetOf(fields: Fields, name: string): AppOptions {
  const defaults = defaultSettings(name)
  return Object.fromEntries(SETTINGS.filter((each) => fields.raw(each) === null).map((each) => [each, defaults[each]]))
}

/** What is given; the checks are those of the API in code. */
function settingsOf(fields: Fields): AppOptions {
  const settings: Record<string, unknown> = {}
  for (const name of SETTINGS) if (fields.has(name) && fields.raw(name) !== null) settings[name] = fields.raw(name)
  return settings
}

async function answer(call: Call, status: number, app: AppView): Promise<Answer> {
  const usage = await call.deps.usage.look(app.name)
  return json(status, { ...showApp(app), usage }, { etag: etagOf(app.version) })
}
