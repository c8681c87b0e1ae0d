/** Everything behind the HTTP API, put together once per `handler` or `serve`: what routes stand on, and Posthorn's own work. */
import { createVeils, KeyRing, loadSecret } from '../app/index.ts'
import { createAllowance } from '../callback/index.ts'
import { endpointActRoutes } from './endpoint/act.ts'
import { grantRoutes } from './endpoint/grant.ts'
import { endpointRoutes } from './endpoint/endpoint.ts'
import { Metrics } from '../insight/index.ts'
import { internalsOf, type Post } from '../posthorn.ts'
import { appRoutes } from './app/route.ts'
import { Gate } from './app/gate.ts'
import { Usage } from './app/usage.ts'
import { Drain } from './drain.ts'
import { healthRoutes } from './health.ts'
import { Batches } from './lease/batch.ts'
import { leaseRoute } from './lease/lease.ts'
import { LeaseLines } from './lease/line.ts'
import { loadServerKey } from './lease/server-key.ts'
import { settleRoute } from './lease/settle.ts'
import { Settled } from './lease/settled.ts'
import { createTokens } from './lease/token.ts'
import { DEFAULT_LIMITS, resolveLimits, type Limits } from './limit.ts'
import { messageRoutes } from './message/message.ts'
import { sendRoute } from './message/send.ts'
import { describeRoute } from './openapi/describe.ts'
import { operationRoutes } from './operation/operation.ts'
import { taskRoute } from './operation/task.ts'
import { parsePublicUrl, type HandlerOptions } from './option.ts'
import { OwnWork } from './own-work.ts'
import { queueRoutes } from './queue/queue.ts'
import { createAccess } from './request/access.ts'
import { KeylessRate } from './request/keyless.ts'
import { Tickets } from './request/ticket.ts'
import type { ServerDeps } from './route/call.ts'
import { AnswerCount } from './route/answer-count.ts'
import { Idempotency, KEPT_MS } from './route/idempotency.ts'
import { createRespond, type Respond } from './route/respond.ts'
import type { Route } from './route/route.ts'
import { Readers } from './stream/readers.ts'
import { streamRoute } from './stream/stream.ts'
import { sourceRoute } from './source/source.ts'
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
  sourceRoute,
  ticketRoute,
  ...endpointRoutes,
  ...endpointActRoutes,
  ...grantRoutes,
  ...sweepRoutes,
  ...appRoutes,
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
  const keyRing = new KeyRing({ engine, clock })
  if (options.publicUrl !== undefined) parsePublicUrl(options.publicUrl)
  const access = createAccess(options.key, keyRing)
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
    tokens: once(async () => createTokens(await loadServerKey(engine))),
    keyless: new KeylessRate(clock, limits.keylessPerSecond),
    gate: new Gate(clock),
    usage: new Usage({ engine, clock, process: internals.ids.uuid() }),
    veils: once(async () => createVeils(await loadSecret(engine))),
    autoCreate: options.autoCreate ?? true,
  }
  const work = new OwnWork(post, allowance, options)
  return {
    respond: createRespond(deps, [...routes, describeRoute(routes, access.hasKeys)], access),
    drain,
    limits,
    hasKeys: access.hasKeys,
    work,
    dispose: () => {
      metrics[Symbol.dispose]()
      keyRing[Symbol.dispose]()
      trail.dispose()
    },
  }
}

/** Loads when it is first needed; a failure is not kept. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | null = null
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = null
      throw error
    })
    return loaded
  }
}
