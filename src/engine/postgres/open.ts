/** Opens an engine on a PostgreSQL database. */
import { pause, systemClock, type Clock } from '../../core/clock.ts'
import { PosthornError } from '../../core/error.ts'
import { loadPg, type Driver } from './driver.ts'
import { PostgresEngine } from './engine.ts'
import { Watchers, type Notice } from './hint.ts'
import { Home } from './home.ts'
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from './limit.ts'
import { migrate } from './migrate.ts'
import { PlainSends } from './plain.ts'
import { Pool } from './pool.ts'
import { Session } from './session.ts'
import { Statements } from './statement.ts'
import { Transactor, type Moment } from './transact.ts'
import { Upkeep } from './upkeep.ts'

export interface PostgresOptions {
  /** All that Posthorn keeps is in this schema, and nothing else is. */
  readonly schema?: string | undefined
  /** Connections at once, beside one that says that this process lives. */
  readonly connections?: number | undefined
  /** A pooler that gives the sessions to others between transactions: nothing is kept in them. */
  readonly isPooled?: boolean | undefined
  /** How long a call waits for a database that is away. */
  readonly outageMs?: number | undefined
  /** How often it is looked for what others have written and for what is due. */
  readonly pollMs?: number | undefined
  readonly clock?: Clock | undefined
  readonly driver?: Driver | undefined
  readonly limits?: Partial<EngineLimits> | undefined
  /** For tests: the time, where it is not the database's. */
  readonly moment?: (() => Moment) | undefined
  readonly onFailure?: ((error: unknown) => void) | undefined
}

const DEFAULTS = { schema: 'posthorn', connections: 4, outageMs: 30_000, pollMs: 100 }
/** How long a close tries to tell the others. */
const LONGEST_PARTING_MS = 2_000
const DATABASE_MOMENT: Moment = { now: null, wall: null }
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/

export async function openPostgresEngine(url: string, options: PostgresOptions = {}): Promise<PostgresEngine> {
  const schema = options.schema ?? DEFAULTS.schema
  if (!SCHEMA.test(schema))
    throw new PosthornError(
      'invalid-option',
      `schema is ${JSON.stringify(schema)}: it must be 1 to 63 lower-case letters, digits or '_', the first no digit`,
      { details: { field: 'schema', value: schema } },
    )
  const clock = options.clock ?? systemClock
  const driver = options.driver ?? (await loadPg(url))
  const isPooled = options.isPooled ?? false
  const outageMs = options.outageMs ?? DEFAULTS.outageMs
  const limits = { ...DEFAULT_ENGINE_LIMITS, ...options.limits }
  const statements = new Statements(schema, !isPooled)
  const lockKey = hashOf(`posthorn ${schema}`)
  const moment = options.moment ?? (() => DATABASE_MOMENT)
  const pool = new Pool({ driver, clock, size: options.connections ?? DEFAULTS.connections, outageMs })
  try {
    await pool.with((connection) => migrate(connection, statements, lockKey))
    const { rows } = await pool.with((connection) => connection.query(statements.get('register')))
    const process = rows[0]!.process as number
    const home = new Home(process, statements, lockKey)
    if (!isPooled) await home.hold(await driver.connect())
    const watchers = new Watchers()
    const transactor = new Transactor({
      pool,
      statements,
      clock,
      limits,
      moment,
      lockKey,
      process,
      hint: (notices) => watchers.give(notices),
      outageMs,
    })
    const hint = (notices: readonly Notice[]): void => watchers.give(notices)
    const plain = new PlainSends({ pool, statements, limits, clock, moment, process, transactor, hint })
    const holder = isPooled ? null : process
    const session = new Session({ pool, statements, transactor, clock, limits, moment, holder, outageMs })
    const letGo = (processes: readonly number[]): Promise<void> =>
      transactor.run({ decide: async (work) => void (await work.query('orphan', [processes, work.now])) })
    const findGone = async (): Promise<void> => {
      if (isPooled) return
      if (!home.isHeld) {
        await home.hold(await driver.connect())
        // Meanwhile another process may have taken this one for gone.
        await session.burst((query) => query('keep-process', [process]))
      }
      const gone = await session.burst((query) => query('find-gone', [lockKey]))
      const processes = gone.rows.map((row) => row.process as number)
      if (processes.length > 0) await letGo(processes)
    }
    await findGone()
    const upkeep = new Upkeep({
      session,
      transactor,
      watchers,
      clock,
      findGone,
      pollMs: options.pollMs ?? DEFAULTS.pollMs,
      failed: options.onFailure ?? (() => {}),
    })
    upkeep.start()
    const end = async (): Promise<void> => {
      // A database that is away finds out by itself.
      await Promise.race([letGo([process]).catch(() => {}), pause(clock, LONGEST_PARTING_MS)])
      await home.close()
      await pool.close()
    }
    return new PostgresEngine({ session, transactor, plain, upkeep, watchers, limits, clock, end })
  } catch (error) {
    await pool.close()
    throw error
  }
}

/** Names a schema among the advisory locks of its database. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash | 0
}
