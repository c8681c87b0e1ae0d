/** Opens an engine on a PostgreSQL database. */
import { pause, systemClock, type Clock } from '../../core/clock.ts'
import { PosthornError } from '../../core/error.ts'
import { loadPg, type Driver } from './connection/driver.ts'
import { PostgresEngine } from './engine.ts'
import { Folder } from './fold/fold.ts'
import { hashOf } from './hash.ts'
import { GREETINGS } from './hint/channel.ts'
import { Watchers, type Notice } from './hint/hint.ts'
import { Floor } from './session/floor.ts'
import { Home } from './connection/home.ts'
import { decode, Telegraph } from './hint/telegraph.ts'
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from './session/limit.ts'
import { explainFailure, migrate } from './migration/migrate.ts'
import { Hatch } from './lease/hatch.ts'
import { KnownQueues } from './plain/known-queues.ts'
import { LateHandOuts } from './lease/late.ts'
import { LeaseNumbers } from './lease/lease-numbers.ts'
import { SendOuts } from './lease/send-outs.ts'
import { takingBack, type TakeBack } from './lease/take-back.ts'
import { PlainSends } from './plain/sends.ts'
import { PlainSettles } from './plain/settles.ts'
import { FoldNumbers } from './plain/short-way.ts'
import { Pool } from './connection/pool.ts'
import { Pulse } from './connection/pulse.ts'
import type { RefusedArrival } from './row/row.ts'
import { Session } from './session/session.ts'
import { withSettings } from './connection/setting.ts'
import { Statements } from './sql/statement.ts'
import { Transactor, type Moment } from './session/transact.ts'
import { KnownTopics } from './unit/known-topics.ts'
import { Upkeep } from './time/upkeep.ts'

export interface PostgresOptions {
  /** All that Posthorn keeps is in this schema, and nothing else is. */
  readonly schema?: string | undefined
  /** Connections at once, beside one that says that this process lives. */
  readonly connections?: number | undefined
  /** A pooler that gives the sessions to others between transactions: nothing is kept in them. */
  readonly isPooled?: boolean | undefined
  /** How long a call waits for a database that is away. */
  readonly outageMs?: number | undefined
  /** The longest pause between two looks for what others have written and for what is due. Default: 2 s where others tell, else 250 ms. */
  readonly pollMs?: number | undefined
  /** The pause between two looks for what need not be kept any longer. Default 10 s. */
  readonly forgetMs?: number | undefined
  /** Processes tell each other what they have written (`notify`). Default true; with `isPooled` they cannot. */
  readonly isTelling?: boolean | undefined
  readonly clock?: Clock | undefined
  readonly driver?: Driver | undefined
  readonly limits?: Partial<EngineLimits> | undefined
  /** For tests: the time, where it is not the database's. */
  readonly moment?: (() => Moment) | undefined
  /** The engine's own look for what is due has failed: told once, until one succeeds. It looks again. */
  readonly onFailure?: ((error: unknown) => void) | undefined
  readonly onRefused?: ((arrival: RefusedArrival) => void) | undefined
}

export const DEFAULT_SCHEMA = 'posthorn'
const DEFAULTS = {
  schema: DEFAULT_SCHEMA,
  connections: 4,
  outageMs: 30_000,
  pollMs: 250,
  toldPollMs: 2_000,
  forgetMs: 10_000,
}
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
  const isPooled = options.isPooled ?? false
  const given = options.driver ?? (await loadPg(url))
  const driver = isPooled ? given : withSettings(given)
  const outageMs = options.outageMs ?? DEFAULTS.outageMs
  const limits = { ...DEFAULT_ENGINE_LIMITS, ...options.limits }
  const statements = new Statements(schema, !isPooled)
  const lockKey = hashOf(`posthorn ${schema}`)
  const moment = options.moment ?? (() => DATABASE_MOMENT)
  // Connections are a matter of real time, whatever the engine's own clock says: how long one is silent, and when it is tried again.
  const real = systemClock
  const pulse = isPooled ? null : new Pulse({ driver, clock: real, statements })
  const pool = new Pool({
    driver,
    clock: real,
    pulse,
    size: options.connections ?? DEFAULTS.connections,
    outageMs,
    forget: () => forget(),
    explain: (error, connection) => explainFailure(error, connection, statements),
  })
  /** What is believed of a database that another may have taken over, without what was confirmed last. */
  let forget = (): void => {}
  let held: Home | null = null
  try {
    await pool.with((connection) => migrate(connection, statements, lockKey))
    const { rows } = await pool.with((connection) => connection.query(statements.get('register')))
    const process = rows[0]!.process as number
    /** Listens to whatever is watched, and looks for what was written before. */
    const listen = async (): Promise<void> => {
      if (await home.listenTo(watchers.channels)) upkeep.lookAgain()
    }
    const watchers: Watchers = new Watchers(
      (queue) => hatch.stir(queue),
      () => void listen(),
    )
    const heard = (text: string, channel: string): void => {
      telegraph.meet()
      const told = decode(text)
      watchers.give(told?.notices ?? [])
      const mayBeMore = told?.isMore !== false && (channel === GREETINGS || watchers.watchesOf(channel))
      if (mayBeMore) upkeep.hasten()
    }
    const isSilent = options.isTelling === false
    const lost = (): void => upkeep.beKnown()
    const home = new Home({ process, driver, clock: real, pulse, statements, lockKey, isSilent, heard, lost })
    held = home
    const telegraph = new Telegraph(home, clock)
    const hint = (notices: readonly Notice[]): void => {
      watchers.give(notices)
      telegraph.tell(notices)
    }
    const hearsOfKeys = (): boolean => watchers.hasKeys || telegraph.isHeard
    const floor = new Floor({ clock, now: () => moment().now, atRest: (use) => session.atRest(use) })
    const knownTopics = new KnownTopics()
    const transactor = new Transactor({
      pool,
      statements,
      clock: real,
      limits,
      moment,
      lockKey,
      process,
      hint,
      refused: options.onRefused ?? (() => {}),
      outageMs,
      floor,
      knownTopics,
    })
    const holder = isPooled ? null : process
    const queues = new KnownQueues(clock)
    const folds = new FoldNumbers(process)
    const numbers = new LeaseNumbers(async () => {
      return session.burst(async (query, _last, server) => {
        const { rows } = await query('draw')
        return { number: rows[0]!.serial as number, server }
      })
    })
    const takeBack: TakeBack = (...asked) => takingBack({ session, floor, hint })(...asked)
    const late = new LateHandOuts({
      clock: real,
      takeBack: (lease, names) => takeBack(lease, null, names),
    })
    const hatch: Hatch = new Hatch({
      clock,
      isWatched: (queue) => watchers.isWatched(queue),
      wake: (queue) => watchers.wake(queue),
      takeBack,
    })
    const short = { queues, folds, statements, limits, moment, lockKey, transactor, hint, hearsOfKeys }
    const plain = {
      queues,
      sends: new PlainSends(short, new SendOuts({ hatch, late, numbers, floor, holder, moment })),
      settles: new PlainSettles(short),
    }
    forget = () => {
      knownTopics.clear()
      queues.clear()
      numbers.clear()
      plain.settles.clear()
      floor.drop()
    }
    const folder = new Folder({ pool, transactor, plain, limits, isCrowded: () => telegraph.isCrowd })
    const session = new Session({ pool, statements, transactor, clock: real, limits, moment, holder, outageMs, floor })
    const letGo = (processes: readonly number[]): Promise<void> =>
      transactor.run({
        decide: async (work) => void (await work.query('orphan', [processes, work.now, lockKey, process])),
      })
    const findGone = async (): Promise<void> => {
      if (isPooled) return
      const { isHeld, wasHeld } = home
      if (!isHeld) await home.hold()
      // Also to what the server would not let it before.
      await listen()
      // What ended the session may have ended those of all: when it is looked next, whoever lives has another.
      if (!isHeld && wasHeld) return
      const { gone, count } = await home.census()
      await home.letGoOfAllBut(watchers.channels)
      // So may what kept this one from its first: it may be back before the others.
      const isFirst = !isHeld && pool.wasAway
      telegraph.count(isFirst ? count + gone.length : count)
      if (gone.length > 0 && !isFirst) await letGo(gone)
    }
    const isTold = (): boolean => home.hears(watchers.channels)
    const upkeep: Upkeep = new Upkeep({
      session,
      lockKey,
      transactor,
      watchers,
      clock,
      findGone,
      isTold,
      pollMs: () => options.pollMs ?? (isTold() ? DEFAULTS.toldPollMs : DEFAULTS.pollMs),
      forgetMs: options.forgetMs ?? DEFAULTS.forgetMs,
      failed: options.onFailure ?? (() => {}),
    })
    await findGone()
    // From now on the others tell this one.
    await telegraph.greet()
    upkeep.start()
    const end = async (): Promise<void> => {
      // A database that is away finds out by itself.
      telegraph.close()
      const parting = Promise.all([late.close(), hatch.close()]).then(() => letGo([process]))
      await Promise.race([parting.catch(() => {}), pause(real, LONGEST_PARTING_MS)])
      await home.close()
      await pool.close()
    }
    return new PostgresEngine({
      session,
      statements,
      folder,
      queues,
      numbers,
      hatch,
      late,
      upkeep,
      watchers,
      limits,
      moment,
      clock,
      end,
    })
  } catch (error) {
    await held?.close()
    await pool.close()
    throw error
  }
}
