/** A request's way: found, let in, read, run once, answered. Whatever goes wrong on it ends as a problem, never as a throw. */
import { RegExpRouter } from 'hono/router/reg-exp-router'
import { isPosthornError, PosthornError } from '../../core/error.ts'
import type { Access } from '../request/access.ts'
import { readBody } from '../request/body.ts'
import { problemFrom, type Answer } from './answer.ts'
import type { Call, ServerDeps } from './call.ts'
import { fingerprintOf, KEPT_MS, noMemory, readIdempotencyKey } from './idempotency.ts'
import type { Method, Route } from './route.ts'

/** The routes of one path. */
type Methods = Partial<Record<string, Route>>

export type Respond = (request: Request) => Promise<Answer>

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
  return async (request) => {
    const startedMs = deps.clock.monotonicMs()
    let route: Route | undefined
    let answer: Answer
    deps.drain.enter()
    try {
      const url = new URL(request.url)
      try {
        const found = find(url.pathname)
        route = found === null ? undefined : routeOf(found.methods, request.method)
        answer = await run(deps, access, { request, url, found, route })
      } catch (error) {
        if (isPosthornError(error) && error.code === 'disk-full') tellFull(error.message)
        answer = problemFrom(error, deps.log, url.pathname)
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
  return Object.hasOwn(methods, asked) ? methods[asked] : undefined
}

interface Asked {
  readonly request: Request
  readonly url: URL
  readonly found: Found | null
  readonly route: Route | undefined
}

/** @throws PosthornError `unauthorized`, `forbidden-host`, `forbidden-origin` */
function principalOf(deps: ServerDeps, access: Access, request: Request, url: URL, route: Route | undefined): string {
  if (route?.open === true) return ''
  const ticket = route?.ticketed === true && access.hasKeys ? url.searchParams.get('ticket') : null
  return ticket === null ? access.check(request, url) : deps.tickets.take(ticket)
}

async function run(deps: ServerDeps, access: Access, { request, url, found, route }: Asked): Promise<Answer> {
  const principal = principalOf(deps, access, request, url, route)
  if (found === null)
    throw new PosthornError(
      'route-not-found',
      `there is nothing at ${url.pathname}: GET /openapi.json lists what there is`,
    )
  if (route === undefined) {
    const allow = [
      ...new Set(Object.keys(found.methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))),
    ]
      .sort()
      .join(', ')
    throw new PosthornError('method-not-allowed', `${request.method} is not allowed at ${url.pathname}: ${allow} is`, {
      details: { allow },
    })
  }
  // The body is read even so: an answer before the end of a request may never reach its sender.
  const body = WITH_BODY.includes(route.method) ? await readBody(request, deps.limits, deps.clock) : NOTHING
  if (route.writes === true) deps.drain.check()
  const call: Call = { deps, request, url, params: found.params, principal, body, memory: noMemory }
  const answer = await runOnce(call, route)
  return route.conclude === undefined ? answer : route.conclude(call, answer)
}

async function runOnce(call: Call, route: Route): Promise<Answer> {
  const { deps, request, url, principal, body } = call
  const key = route.idempotent === true ? readIdempotencyKey(request.headers) : null
  if (key === null) return route.run(call)
  return deps.idempotency.once({
    scope: `${principal}\n${request.method}\n${url.pathname}\n${key}`,
    fingerprint: fingerprintOf(request, url.search, body),
    keptMs: KEPT_MS,
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
