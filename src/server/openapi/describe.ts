/** `GET /openapi.json`: what this server takes and answers, its users' contracts included. */
import type { Principal } from '../../app/index.ts'
import type { Definition } from '../../task/index.ts'
import { json } from '../route/answer.ts'
import type { Route } from '../route/route.ts'
import { createDocument } from './document.ts'

const isPlatform = ({ kind }: Principal): boolean => kind === 'platform'

/** An app sees the tasks that its key has scopes for; queues of the platform are not there for it. */
function isShown(principal: Principal, { kind, name }: Pick<Definition, 'kind' | 'name'>): boolean {
  if (kind === 'subscription' || name.startsWith(OWN)) return false
  return isPlatform(principal) || (kind === 'task' && principal.scopes.covers('task', name))
}

/** Posthorn's own tasks have routes of their own. */
const OWN = 'system.'

/** @param routes all of them; this one is added */
export function describeRoute(routes: readonly Route[], secured: boolean): Route {
  const route: Route = {
    method: 'GET',
    path: '/openapi.json',
    id: 'getOpenApi',
    forApps: true,
    tag: 'server',
    summary: 'This document',
    replies: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { type: 'object' } } } },
    // Contracts come as handlers start and sends are made, so it is written anew each time.
    run: ({ deps, principal }) =>
      json(
        200,
        createDocument({
          routes: [...routes, route].filter(({ open, forApps }) => isPlatform(principal) || open || forApps),
          contracts: deps.registry.all().filter((contract) => isShown(principal, contract)),
          topics: deps.registry.topics().filter(({ name }) => principal.scopes.covers('topic', name)),
          secured: secured || !isPlatform(principal),
        }),
      ),
  }
  return route
}
