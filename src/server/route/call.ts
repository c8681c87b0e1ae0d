/** One request on its way through a route, and what all routes stand on. */
import type { Principal, Veil, Veils } from '../../app/index.ts'
import type { Allowance } from '../../callback/index.ts'
import type { Clock } from '../../core/clock.ts'
import type { Engine } from '../../core/engine.ts'
import type { Ids, Random } from '../../core/id.ts'
import type { Mounts } from '../../event/mounts.ts'
import type { Metrics } from '../../insight/index.ts'
import type { EndingDeps, OperationStore } from '../../operation/index.ts'
import type { Post } from '../../posthorn.ts'
import type { Log } from '../../runtime/log.ts'
import type { Telemetry } from '../../runtime/telemetry.ts'
import type { Composer, Registry } from '../../task/index.ts'
import type { Gate } from '../app/gate.ts'
import type { Usage } from '../app/usage.ts'
import type { Drain } from '../drain.ts'
import type { Batches } from '../lease/batch.ts'
import type { LeaseLines } from '../lease/line.ts'
import type { Settled } from '../lease/settled.ts'
import type { Tokens } from '../lease/token.ts'
import type { Limits } from '../limit.ts'
import { parseJsonBody } from '../request/body.ts'
import type { KeylessRate } from '../request/keyless.ts'
import type { Trail } from '../trail/trail.ts'
import type { Tickets } from '../request/ticket.ts'
import type { Readers } from '../stream/readers.ts'
import type { Idempotency, Memory } from './idempotency.ts'

export interface ServerDeps {
  readonly post: Post
  readonly engine: Engine
  readonly clock: Clock
  readonly ids: Ids
  readonly random: Random
  readonly log: Log
  /** CloudEvents source of events that the server makes. */
  readonly source: string
  readonly limits: Limits
  readonly allowance: Allowance
  readonly drain: Drain
  readonly lines: LeaseLines
  readonly batches: Batches
  readonly idempotency: Idempotency
  readonly operations: OperationStore
  /** For the changes that end an operation. */
  readonly ending: EndingDeps
  readonly registry: Registry
  /** Sources that take deliveries here. */
  readonly mounts: Mounts
  readonly composer: Composer
  readonly telemetry: Telemetry
  readonly metrics: Metrics
  readonly settled: Settled
  readonly trail: Trail
  /** Who reads which subscription as a stream. */
  readonly readers: Readers
  readonly tickets: Tickets
  /** The key that signs them is read from the engine when it is first needed. */
  readonly tokens: () => Promise<Tokens>
  /** How often what needs no key may be asked. */
  readonly keyless: KeylessRate
  /** How fast apps may ask. */
  readonly gate: Gate
  /** What apps have stored. */
  readonly usage: Usage
  /** The secret behind them is read from the engine when the first app asks. */
  readonly veils: () => Promise<Veils>
  /** Whether a send may create a queue. */
  readonly autoCreate: boolean
}

export interface Call {
  readonly deps: ServerDeps
  readonly request: Request
  readonly url: URL
  /** Of the path. */
  readonly params: Readonly<Record<string, string>>
  readonly principal: Principal
  /** Before what tells of others' doings, where an app asks. */
  readonly veil: Veil
  readonly body: Uint8Array
  readonly memory: Memory
}

/** The JSON body of a call. @throws PosthornError `invalid-json`, `unsupported-media-type` */
export function jsonOf({ body, request }: Call, alsoTypes?: readonly string[]): unknown {
  return parseJsonBody(body, request.headers.get('content-type'), alsoTypes)
}
