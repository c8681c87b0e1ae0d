/** Whether the process lives, whether it should be sent work, and its numbers. */
import { PosthornError } from '../core/error.ts'
import { renderGauge } from '../insight/index.ts'
import { object, text } from './openapi/json-schema.ts'
import { json, text as textAnswer, type Answer } from './route/answer.ts'
import type { Call, ServerDeps } from './route/call.ts'
import type { Route } from './route/route.ts'

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const OK = { description: 'Yes.', content: { 'application/json': object({ status: { const: 'ok' } }) } }

export const healthRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/healthz',
    id: 'isAlive',
    tag: 'server',
    summary: 'Whether the process lives',
    open: true,
    isHealth: true,
    replies: { 200: OK },
    run: () => json(200, { status: 'ok' }),
  },
  {
    method: 'GET',
    path: '/readyz',
    id: 'isReady',
    tag: 'server',
    summary: 'Whether it should be sent work: the engine answers, and it does not drain',
    open: true,
    isHealth: true,
    replies: { 200: OK },
    problems: ['draining', 'closed', 'engine-failed'],
    run: ready,
  },
  {
    method: 'GET',
    path: '/metrics',
    id: 'getMetrics',
    tag: 'server',
    summary: 'Counters, delays and depths for Prometheus',
    replies: { 200: { description: 'The text format of Prometheus.', content: { 'text/plain': text() } } },
    run: async ({ deps }) => textAnswer(200, METRICS_TYPE, (await deps.metrics.render()) + renderServer(deps)),
  },
]

function renderServer({ lines, drain }: ServerDeps): string {
  return (
    renderGauge('posthorn_http_in_flight', 'HTTP requests under way.', [[{}, drain.underWay]]) +
    renderGauge('posthorn_http_leases_waiting', 'Clients that wait for messages.', [[{}, lines.size]])
  )
}

async function ready({ deps }: Call): Promise<Answer> {
  try {
    await deps.engine.get([])
  } catch (error) {
    if (error instanceof PosthornError) throw error
    throw new PosthornError('engine-failed', 'the engine does not answer', { cause: error })
  }
  deps.drain.check()
  return json(200, { status: 'ok' })
}
