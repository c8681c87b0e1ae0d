/** `GET /openapi.json`: what this server takes and answers, its users' contracts included. */
import { json } from '../route/answer.ts'
import type { Route } from '../route/route.ts'
import { createDocument } from './document.ts'

/** Posthorn's own tasks have routes of their own. */
const OWN = 'system.'

/** @param routes all of them; this one is added */
export function describeRoute(routes: readonly Route[], secured: boolean): Route {
  const route: Route = {
    method: 'GET',
    path: '/openapi.json',
    id: 'getOpenApi',
    tag: 'server',
    summary: 'This document',
    replies: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { type: 'object' } } } },
    // Contracts come as handlers start and sends are made, so it is written anew each time.
    run: ({ deps }) =>
      json(
        200,
        createDocument({
          routes: [...routes, route],
          contracts: deps.registry.all().filter(({ kind, name }) => kind !== 'subscription' && !name.startsWith(OWN)),
          topics: deps.registry.topics(),
          secured,
        }),
      ),
  }
  return route
}
