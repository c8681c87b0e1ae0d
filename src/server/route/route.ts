/** A route as data: what it is asked with, what it answers, which problems it has. The router and the OpenAPI document read the same. */
import type { ErrorCode } from '../../core/error.ts'
import type { JsonSchema } from '../openapi/json-schema.ts'
import type { Answer } from './answer.ts'
import type { Call } from './call.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'

export interface Parameter {
  readonly name: string
  readonly in: 'query' | 'header'
  readonly description: string
  readonly schema: JsonSchema
}

export interface RequestBody {
  readonly description?: string | undefined
  readonly required: boolean
  /** By media type. */
  readonly content: Readonly<Record<string, JsonSchema>>
}

export interface Reply {
  readonly description: string
  /** By media type; absent: no body. */
  readonly content?: Readonly<Record<string, JsonSchema>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export interface Route {
  readonly method: Method
  /** As in OpenAPI: `/v1/queues/{queue}`. */
  readonly path: string
  readonly id: string
  readonly tag: 'queues' | 'topics' | 'endpoints' | 'messages' | 'tasks' | 'operations' | 'apps' | 'server'
  readonly summary: string
  readonly description?: string | undefined
  readonly parameters?: readonly Parameter[] | undefined
  readonly body?: RequestBody | undefined
  readonly replies: Readonly<Record<number, Reply>>
  /** Besides those that every route has. */
  readonly problems?: readonly ErrorCode[] | undefined
  /** Also for apps; without it a route is not there for them. `checkScope` and `inSpace` are its own business. */
  readonly forApps?: boolean | undefined
  /** Its path holds what nobody else is to know: where a problem is told, and in the log, it stands as a template. */
  readonly hidesPath?: boolean | undefined
  /** Needs no key. */
  readonly open?: boolean | undefined
  /** Open, and asked again and again by who watches the process: it is bounded by nothing. */
  readonly isHealth?: boolean | undefined
  /** A ticket will do in place of a key: it is for browsers that can send no header. */
  readonly ticketed?: boolean | undefined
  /** Less than the server's limit, where more could only be meant ill. */
  readonly bodyBytes?: number | undefined
  /** Its GET does something: there is no HEAD. */
  readonly actsOnGet?: boolean | undefined
  /** Refused while the server drains. */
  readonly writes?: boolean | undefined
  /** Honours Idempotency-Key. */
  readonly idempotent?: boolean | undefined
  run(call: Call): Answer | Promise<Answer>
  /** What becomes of the answer after it was made or found stored: the waiting that a client prefers. */
  conclude?(call: Call, answer: Answer): Answer | Promise<Answer>
}
