// oxlint-disable-next-line typescript/triple-slash-reference -- whoever compiles this file alone needs the declaration as well
/// <reference path="./pg.d.ts" />
/**
 * What the engine needs of a driver, by structure: a connection that takes statements, several at once, and answers in order. `pg` is
 * loaded when an engine is opened, and by nobody else.
 */
import { PosthornError } from '../../../core/error.ts'
import { encodeList, type ElementType } from './array.ts'

/** Columns by the names that the statements give them. */
export type Columns = Readonly<Record<ColumnName, unknown>>

export interface Answer {
  readonly rows: readonly Columns[]
}

export interface Statement {
  /** Under which the server keeps its plan; null: it is not prepared. */
  readonly name: string | null
  readonly text: string
  /** Which parameters are lists, and of what: those are sent in binary. */
  readonly lists?: readonly (ElementType | undefined)[]
  /** It may take as long as it takes. Only where nothing else would go on meanwhile. */
  readonly isPatient?: boolean
}

export interface Connection {
  /**
   * The server's number of the session, as the session itself says it: a pooler makes up another when it lets somebody in, and by that one a
   * session at work would be taken for dead, and a stranger's ended.
   */
  readonly pid: number
  /** Tells the server from others of the same address: when it was started. */
  readonly server: string
  /** Several may be under way: they are sent at once, run one after the other and answered in order. */
  query(statement: Statement, values?: readonly unknown[]): Promise<Answer>
  /** Calls back with what was notified on a channel that the session listens to, and by whom. */
  onNotice(callback: (text: string, pid: number, channel: string) => void): void
  /** Calls back once, when the connection is gone for whatever reason. */
  onLost(callback: () => void): void
  /** Ends it; `now`: without waiting for answers. */
  end(now?: boolean): Promise<void>
}

export interface Driver {
  connect(): Promise<Connection>
}

/** The part of `pg` that is used. */
interface PgClient {
  connect(): Promise<unknown>
  query(config: {
    readonly name?: string
    readonly text: string
    readonly values?: readonly unknown[]
    readonly query_timeout?: number
  }): Promise<{ rows: Answer['rows'] }>
  on(event: string, listener: (...values: never[]) => void): unknown
  end(): Promise<void>
  readonly connection?: { readonly stream?: { destroy(): void; cork?(): void; uncork?(): void } }
}
interface Notification {
  readonly channel: string
  readonly payload?: string | undefined
  readonly processId: number
}
interface Pg {
  readonly Client: new (config: object) => PgClient
}

/** So many seconds, so many attempts beside each other: see dial.ts. */
const CONNECT_MS = 5_000
const SILENT_MS = 40_000
/** The longest that a timer knows: none at all would be the connection's. */
const PATIENT_MS = 2 ** 31 - 1

const NO_ROWS: Answer['rows'] = []

const WHO = 'select pg_catalog.pg_backend_pid() as number, pg_catalog.pg_postmaster_start_time()::text as text'

/**
 * @param silentMs so long a statement may take that is not patient
 * @throws PosthornError `invalid-option` where the driver is not installed
 */
export async function loadPg(url: string, silentMs: number = SILENT_MS): Promise<Driver> {
  const { Client } = await importPg()
  return {
    async connect() {
      const client = new Client({
        connectionString: url,
        pipeline: true,
        keepAlive: true,
        connectionTimeoutMillis: CONNECT_MS,
        // Above all timeouts of the server: then the connection is dead, whatever TCP believes.
        query_timeout: silentMs,
        application_name: 'posthorn',
        types: { getTypeParser: (oid: number) => PARSERS[oid] ?? ((text: string) => text) },
      })
      const lost: (() => void)[] = []
      let isLost = false
      const lose = (): void => {
        if (isLost) return
        isLost = true
        for (const each of lost) each()
      }
      client.on('error', lose)
      client.on('end', lose)
      await client.connect()
      const { number: pid, text: server } = await client.query({ text: WHO }).then(
        ({ rows }) => rows[0] as { readonly number: number; readonly text: string },
        (error: unknown) => {
          client.connection?.stream?.destroy()
          throw error
        },
      )
      let isGathering = false
      /** What is asked in one turn is one write to the server. */
      const gather = (): void => {
        const stream = client.connection?.stream
        if (isGathering || stream?.cork === undefined) return
        isGathering = true
        stream.cork()
        process.nextTick(() => {
          isGathering = false
          stream.uncork?.()
        })
      }
      return {
        pid,
        server,
        query: async ({ name, text, lists, isPatient }, values) => {
          if (isLost) throw new Error('the connection is lost')
          let given: unknown[] | undefined
          try {
            given = values?.map((value, at) => {
              const type = lists?.[at]
              return type !== undefined && Array.isArray(value) ? encodeList(type, value) : value
            })
          } catch (error) {
            // Statements go out one behind the other: a transaction of which one cannot be said must not be committed by those that can.
            client.connection?.stream?.destroy()
            throw error
          }
          gather()
          const result = await client.query({
            ...(name === null ? {} : { name }),
            text,
            ...(given === undefined ? {} : { values: given }),
            ...(isPatient === true ? { query_timeout: PATIENT_MS } : {}),
          })
          const { rows } = result
          // The result is referred to for longer than its rows are needed: most of them outlived short collections, and waited for a long one.
          result.rows = NO_ROWS
          return { rows }
        },
        onNotice: (callback) => {
          client.on('notification', ({ channel, payload, processId }: Notification) =>
            callback(payload ?? '', processId, channel),
          )
        },
        onLost: (callback) => {
          lost.push(callback)
          if (isLost) callback()
        },
        end: async (now = false) => {
          if (isLost) return
          const gone = new Promise<void>((resolve) => lost.push(resolve))
          if (now) client.connection?.stream?.destroy()
          await Promise.race([gone, client.end().catch(() => {})])
        },
      }
    },
  }
}

/** Numbers are below 2^53; everything else is a text. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === 't',
  17: toBytes,
  20: Number,
  21: Number,
  23: Number,
}

/** As hex, or as a database writes them that is set to `bytea_output = 'escape'`. */
function toBytes(text: string): Uint8Array {
  if (!text.startsWith('\\x')) return unescapeBytes(text)
  const { buffer, byteOffset, byteLength } = Buffer.from(text.slice(2), 'hex')
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** Printable ASCII as it is, a backslash doubled, all others as three octal digits behind one. */
function unescapeBytes(text: string): Uint8Array {
  const bytes = text.replaceAll(/\\(\\|[0-7]{3})/g, (_, code: string) =>
    code === '\\' ? code : String.fromCharCode(Number.parseInt(code, 8)),
  )
  return Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))
}

async function importPg(): Promise<Pg> {
  try {
    const loaded = (await import('pg')) as unknown as { readonly default: Pg }
    return loaded.default
  } catch (error) {
    throw new PosthornError(
      'invalid-option',
      "PostgreSQL needs the driver 'pg', version 8.23 or later: install it with `npm install pg`",
      { details: { field: 'url' }, cause: error },
    )
  }
}

export type ColumnName =
  | 'acked'
  | 'acquired'
  | 'alias_of'
  | 'aliases'
  | 'arrived'
  | 'at'
  | 'attrs'
  | 'body'
  | 'bytes'
  | 'cancelled'
  | 'count'
  | 'cursor'
  | 'dead'
  | 'definition'
  | 'delayed'
  | 'discarded'
  | 'due'
  | 'ended_at'
  | 'events'
  | 'expired'
  | 'expires'
  | 'failed'
  | 'failures'
  | 'gaps'
  | 'gone'
  | 'has_gap'
  | 'held'
  | 'holder'
  | 'house_at'
  | 'id'
  | 'is_all'
  | 'is_cancelled'
  | 'is_dead'
  | 'is_due'
  | 'is_fence'
  | 'is_gone'
  | 'is_held'
  | 'is_lagging'
  | 'is_lapsed'
  | 'is_more'
  | 'is_there'
  | 'is_unbound'
  | 'is_wall_due'
  | 'is_wall_expires'
  | 'key'
  | 'kind'
  | 'lease'
  | 'leased'
  | 'line'
  | 'line_order'
  | 'line_seq'
  | 'living'
  | 'mark'
  | 'n'
  | 'name'
  | 'now'
  | 'number'
  | 'oldest'
  | 'past'
  | 'place'
  | 'position'
  | 'process'
  | 'queue'
  | 'rank'
  | 'ready'
  | 'reason'
  | 'released'
  | 'report'
  | 'results'
  | 'retention'
  | 'revision'
  | 'scope'
  | 'sent_at'
  | 'seq'
  | 'serial'
  | 'settings'
  | 'shared'
  | 'size'
  | 'state'
  | 'status'
  | 'text'
  | 'topic'
  | 'turn'
  | 'until'
  | 'used_at'
  | 'value'
  | 'version'
  | 'wall'
  | 'wall_at'
