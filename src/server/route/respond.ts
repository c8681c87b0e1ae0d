/** A request's way: found, let in, read, run once, answered. Whatever goes wrong on it ends as a problem, never as a throw. */
import { RegExpRouter } from 'hono/router/reg-exp-router'
import { isPosthornError, PosthornError } from '../../core/error.ts'
import { CLEAR, PLATFORM, type AppPrincipal, type Principal, type Veil } from '../../app/index.ts'
import { toShownError } from '../app/space.ts'
import { untilOver } from '../app/until-over.ts'
import type { Access } from '../request/access.ts'
import { readBody, type BodyLimits } from '../request/body.ts'
import { problemFrom, type Answer } from './answer.ts'
import type { Call, ServerDeps } from './call.ts'
import { fingerprintOf, KEPT_MS, noMemory, readIdempotencyKey } from './idempotency.ts'
import type { Method, Route } from './route.ts'

/** The routes of one path. */
type Methods = Partial<Record<string, Route>>

/** @param from the address that asks, where it is known */
export type Respond = (request: Request, from?: string) => Promise<Answer>

interface Found {
  readonly methods: Methods
  readonly params: Readonly<Record<string, string>>
}

const TOLD_AGAIN_MS = 60_000
const NOTHING = new Uint8Array(0)
const WITH_BODY: readonly Method[] = ['POST', 'PUT', 'PATCH']

export function createRespond(deps: ServerDeps, routes: readonly Route[], access: Access): Respond {
  const find = createFinder(routes)
  const tellFull = nowAndThen(deps, (message) => deps.log.warn(`new messages are refused: ${message}`))
  return async (request, from) => {
    const startedMs = deps.clock.monotonicMs()
    let route: Route | undefined
    let answer: Answer
    deps.drain.enter()
    try {
      const url = new URL(request.url)
      try {
        const found = find(url.pathname)
        route = found === null ? undefined : routeOf(found.methods, request.method)
        const asked = { request, url, found, route }
        if (route?.open === true && route.isHealth !== true) deps.keyless.enter(from)
        const principal = await principalOf(deps, access, asked)
        answer =
          principal.kind === 'app'
            ? await runForApp(deps, principal, asked)
            : await run({ deps, ...asked, principal, veil: CLEAR })
      } catch (error) {
        if (isPosthornError(error) && error.code === 'disk-full') tellFull(error.message)
        answer = problemFrom(error, deps.log, route?.hidesPath === true ? route.path : url.pathname)
      }
    } finally {
      deps.drain.leave()
    }
    deps.metrics.request(route?.id ?? 'none', answer.status, deps.clock.monotonicMs() - startedMs)
    return answer
  }
}

/** Calls at once, and then at most once a minute. */
function nowAndThen({ clock }: ServerDeps, call: (message: string) => void): (message: string) => void {
  let nextMs = -Infinity
  return (message) => {
    const nowMs = clock.monotonicMs()
    if (nowMs < nextMs) return
    nextMs = nowMs + TOLD_AGAIN_MS
    call(message)
  }
}

/** `handler` may be given any method, `constructor` included. */
function routeOf(methods: Methods, method: string): Route | undefined {
  const asked = method === 'HEAD' ? 'GET' : method
  const route = Object.hasOwn(methods, asked) ? methods[asked] : undefined
  // Whoever looks at a link without following it does nothing by it.
  return method === 'HEAD' && route?.actsOnGet === true ? undefined : route
}

interface Asked {
  readonly request: Request
  readonly url: URL
  readonly found: Found | null
  readonly route: Route | undefined
}

/** @throws PosthornError `unauthorized`, `app-paused`, `forbidden-host`, `forbidden-origin` */
function principalOf(deps: ServerDeps, access: Access, { request, url, route }: Asked): Principal | Promise<Principal> {
  // Nothing that is open asks who it is.
  if (route?.open === true) return PLATFORM
  const ticket = route?.ticketed === true && access.hasKeys ? url.searchParams.get('ticket') : null
  return ticket === null ? access.check(request, url) : deps.tickets.take(ticket)
}

interface Run extends Asked, Pick<Call, 'deps' | 'principal' | 'veil'> {}

/** An app's request: let in as its quotas allow, and answered with nothing in it that tells of others. */
async function runForApp(deps: ServerDeps, principal: AppPrincipal, asked: Asked): Promise<Answer> {
  const { request, url } = asked
  const veil = (await deps.veils())(principal)
  const hide = (text: string) => hideEtag(veil, text)
  const passage = deps.gate.enter(principal)
  let answer: Answer
  try {
    for (const name of ['if-match', 'if-none-match']) {
      const value = request.headers.get(name)
      if (value !== null) request.headers.set(name, revealEtags(veil, value))
    }
    answer = await run({ deps, ...asked, principal, veil })
  } catch (error) {
    answer = problemFrom(toShownError(principal, error, hide), deps.log, url.pathname)
  }
  const { etag } = answer.headers
  const headers = {
    ...answer.headers,
    ...(etag === undefined ? {} : { etag: hide(etag) }),
    ...joined(answer.headers, passage.headers),
  }
  if (answer.body instanceof ReadableStream) return { ...answer, headers, body: untilOver(answer.body, passage) }
  passage[Symbol.dispose]()
  return { ...answer, headers }
}

/** Of several quotas each says its own. */
function joined(
  given: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(more).map(([name, value]) => [name, given[name] === undefined ? value : `${given[name]}, ${value}`]),
  )
}

const hideEtag = (veil: Veil, etag: string): string => `"${veil.hide('etag', etag.slice(1, -1))}"`

function revealEtags(veil: Veil, list: string): string {
  if (list.trim() === '*') return list
  // What is no version of anything matches nothing.
  return list.replace(/"([^"]*)"/g, (_, hidden: string) => `"${veil.reveal('etag', hidden) ?? '-'}"`)
}

async function run(asked: Run): Promise<Answer> {
  const { deps, request, url, found, route, principal, veil } = asked
  if (found === null || !isFor(principal, found.methods))
    throw new PosthornError(
      'route-not-found',
      `there is nothing at ${url.pathname}: GET /openapi.json lists what there is`,
    )
  if (route === undefined || !isAllowed(principal, route)) {
    const allow = [...Object.keys(found.methods), 'HEAD']
      .filter((method) => {
        const each = routeOf(found.methods, method)
        return each !== undefined && isAllowed(principal, each)
      })
      .sort()
      .join(', ')
    throw new PosthornError('method-not-allowed', `${request.method} is not allowed at ${url.pathname}: ${allow} is`, {
      details: { allow },
    })
  }
  // The body is read even so: an answer before the end of a request may never reach its sender.
  const body = WITH_BODY.includes(route.method) ? await readBody(request, limitsOf(deps, route), deps.clock) : NOTHING
  if (route.writes === true) deps.drain.check()
  const call: Call = { deps, request, url, params: found.params, principal, veil, body, memory: noMemory }
  const answer = await runOnce(call, route)
  return route.conclude === undefined ? answer : route.conclude(call, answer)
}

const limitsOf = ({ limits }: ServerDeps, { bodyBytes = Infinity }: Route): BodyLimits => ({
  bodyBytes: Math.min(limits.bodyBytes, bodyBytes),
  bodyMs: limits.bodyMs,
})

/** What is the platform's only is not there for an app. */
const isAllowed = ({ kind }: Principal, { open, forApps }: Route): boolean =>
  kind === 'platform' || open === true || forApps === true

const isFor = (principal: Principal, methods: Methods): boolean =>
  Object.values(methods).some((route) => isAllowed(principal, route!))

async function runOnce(call: Call, route: Route): Promise<Answer> {
  const { deps, request, url, principal, body } = call
  const key = route.idempotent === true ? readIdempotencyKey(request.headers) : null
  if (key === null) return route.run(call)
  return deps.idempotency.once({
    scope: `${principal.id}\n${request.method}\n${url.pathname}\n${key}`,
    fingerprint: fingerprintOf(request, url.search, body),
    keptMs: KEPT_MS,
    count: principal.kind === 'app' ? deps.usage.remembered(principal) : undefined,
    run: async (memory) => route.run({ ...call, memory }),
  })
}

function createFinder(routes: readonly Route[]): (path: string) => Found | null {
  const router = new RegExpRouter<Methods>()
  for (const [path, group] of Map.groupBy(routes, (route) => route.path)) {
    router.add(
      'GET',
      path.replace(/\{(\w+)\}/g, ':$1'),
      Object.fromEntries(group.map((route) => [route.method, route])),
    )
  }
  return (path) => {
    const [handlers, stash] = router.match('GET', path)
    const [first] = handlers
    if (first === undefined) return null
    const params: Record<string, string> = {}
    for (const [name, at] of Object.entries(first[1]))
      params[name] = decode(typeof at === 'number' ? stash![at]! : at, name)
    return { methods: first[0], params }
  }
}

function decode(text: string, name: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new PosthornError(
      'invalid',
      `${name} in the path is ${JSON.stringify(text)}: its percent-encoding is not UTF-8`,
      { details: { field: name } },
    )
  }
}
