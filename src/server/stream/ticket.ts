/** `POST /v1/tickets`: a ticket for a stream. */
import { toTime } from '../message/show.ts'
import { object, text, time } from '../openapi/json-schema.ts'
import { json } from '../route/answer.ts'
import type { Route } from '../route/route.ts'

export const ticketRoute: Route = {
  method: 'POST',
  path: '/v1/tickets',
  id: 'createTicket',
  forApps: true,
  tag: 'server',
  summary: 'Get a ticket, for a stream that is read by a browser',
  description:
    'EventSource can send no key: it shows the ticket as ?ticket= instead. A ticket is good for one request to a stream within a minute.',
  replies: {
    201: { description: 'The ticket.', content: { 'application/json': object({ ticket: text(), expiresAt: time }) } },
  },
  writes: true,
  run({ deps, principal }) {
    const { ticket, expiresAt } = deps.tickets.issue(principal)
    return json(201, { ticket, expiresAt: toTime(expiresAt) })
  },
}
