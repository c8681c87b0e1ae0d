/** Everything behind the HTTP API, put together once per `handler` or `serve`: what routes stand on, and Posthorn's own work. */
import { createAllowance } from '../callback/index.ts'
import { Metrics } from '../insight/index.ts'
import { internalsOf, type Post } from '../posthorn.ts'
import { Drain } from './drain.ts'
import { healthRoutes } from './health.ts'
import { Batches } from './lease/batch.ts'
import { leaseRoute } from './lease/lease.ts'
import { LeaseLines } from './lease/line.ts'
import { loadServerKey } from './lease/server-key.ts'
import { settleRoute } from './lease/settle.ts'
import { Settled } from './lease/settled.ts'
import { createTokens, type Tokens } from './lease/token.ts'
import { DEFAULT_LIMITS, resolveLimits, type Limits } from './limit.ts'
import { messageRoutes } from './message/message.ts'
import { sendRoute } from './message/send.ts'
import { describeRoute } from './openapi/describe.ts'
import { operationRoutes } from './operation/operation.ts'
import { taskRoute } from './operation/task.ts'
import type { HandlerOptions } from './option.ts'
import { OwnWork } from './own-work.ts'
import { queueRoutes } from './queue/queue.ts'
import { createAccess } from './request/access.ts'
import { Tickets } from './request/ticket.ts'
import type { ServerDeps } from './route/call.ts'
import { AnswerCount } from './route/answer-count.ts'
import { Idempotency, KEPT_MS } from './route/idempotency.ts'
import { createRespond, type Respond } from './route/respond.ts'
import type { Route } from './route/route.ts'
import { Readers } from './stream/readers.ts'
import { streamRoute } from './stream/stream.ts'
import { ticketRoute } from './stream/ticket.ts'
import { sweepRoutes } from './sweep/sweep.ts'
import { trailRoute } from './trail/route.ts'
import { Trail } from './trail/trail.ts'
import { handshakeRoutes } from './topic/handshake.ts'
import { publishRoute } from './topic/publish.ts'
import { subscriptionRoutes } from './topic/subscription.ts'
import { topicRoutes } from './topic/topic.ts'

const ROUTES: readonly Route[] = [
  taskRoute,
  ...operationRoutes,
  sendRoute,
  leaseRoute,
  settleRoute,
  ...messageRoutes,
  ...queueRoutes,
  publishRoute,
  ...topicRoutes,
  ...subscriptionRoutes,
  streamRoute,
  ticketRoute,
  ...sweepRoutes,
  trailRoute,
  ...healthRoutes,
]

export interface Face {
  readonly respond: Respond
  readonly drain: Drain
  readonly limits: Limits
  readonly hasKeys: boolean
  readonly work: OwnWork
  /** Stops listening to what happens; the work is stopped apart. */
  dispose(): void
}

/** @throws PosthornError `invalid-option` */
export function createFace(post: Post, options: HandlerOptions): Face {
  const internals = internalsOf(post)
  const { engine, clock, log } = internals
  const limits = resolveLimits(options.limits, { ...DEFAULT_LIMITS, bodyBytes: internals.limits.bodyBytes })
  const access = createAccess(options.key)
  const routes = [...ROUTES, ...handshakeRoutes(options.webhooks)]
  const allowance = createAllowance(options.callbackAllow, options.callbackAllowRanges)
  const drain = new Drain()
  const metrics = new Metrics(internals)
  const ending = AbortSignal.any([drain.signal, internals.closing])
  const trail = new Trail({ engine, clock, ids: internals.ids, ending })
  const deps: ServerDeps = {
    ...internals,
    log: options.log ?? log,
    post,
    limits,
    allowance,
    drain,
    metrics,
    lines: new LeaseLines(engine, clock, AbortSignal.any([drain.signal, internals.closing])),
    batches: new Batches(limits.bodyBytes),
    idempotency: new Idempotency(
      engine,
      clock,
      new AnswerCount({ engine, clock, process: internals.ids.uuid(), most: limits.answers, keptMs: KEPT_MS }),
    ),
    settled: new Settled(clock),
    trail,
    tickets: new Tickets(clock),
    readers: new Readers({ engine, clock, log }, AbortSignal.any([drain.signal, internals.closing])),
    tokens: onceTokens(() => loadServerKey(engine)),
    autoCreate: options.autoCreate ?? true,
  }
  const work = new OwnWork(post, allowance)
  return {
    respond: createRespond(deps, [...routes, describeRoute(routes, access.hasKeys)], access),
    drain,
    limits,
    hasKeys: access.hasKeys,
    work,
    dispose: () => {
      metrics[Symbol.dispose]()
      trail.dispose()
    },
  }
}

/** Asks for the key when the first token is needed; a failure is not kept. */
function onceTokens(load: () => Promise<Uint8Array>): () => Promise<Tokens> {
  let tokens: Promise<Tokens> | null = null
  return () => {
    tokens ??= load().then(createTokens, (error: unknown) => {
      tokens = null
      throw error
    })
    return tokens
  }
}
