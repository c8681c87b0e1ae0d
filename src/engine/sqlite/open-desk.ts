/** Opens the database: its settings, its schema, this opening's number, and what openings that are gone have left. One transaction, durable. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { createIds } from '../../core/id.ts'
import { flush, lapseAll } from './decide/sweep.ts'
import { Desk } from './desk.ts'
import type { Database } from './driver/driver.ts'
import { Statements } from './driver/statements.ts'
import { toError, toFault } from './fault.ts'
import type { HostOptions } from './host.ts'
import { DELETE_OWNER, INSERT_OWNER, OwnerLock, OWNERS, OwnerWatch } from './process/owner.ts'
import { checkOwn, migrate } from './schema/migrate.ts'
import { continueClock, engineTime, firstNumbers } from './state/clock.ts'
import { beginNumbers, readNumbers, writeNumbers } from './state/meta.ts'
import { Transactions } from './transaction.ts'

export interface Opened {
  readonly desk: Desk
  readonly transactions: Transactions
  /** Lets go of the database and of the lock that says that this opening lives. */
  close(): void
}

/** Each opening has versions and positions of its own, as far as whole numbers go: what a power cut took back is not given again. */
const NUMBERS_OF_OWNER = 2 ** 32
const OWNERS_TOLD_APART = 2 ** 20

const CACHE_KB = 65_536
const CHECKPOINT_PAGES = 4_000

/** @throws PosthornError */
export function openDesk(options: HostOptions): Opened {
  const { path } = options
  let database: Database | null = null
  try {
    mkdirSync(dirname(path), { recursive: true })
    database = options.driver.open(path)
    return prepare(options, database)
  } catch (error) {
    database?.close()
    throw toError(toFault(error, path))
  }
}

function prepare(options: HostOptions, database: Database): Opened {
  const transactions = new Transactions(database, () => options.ticks().machineMs)
  transactions.patiently(() => checkOwn(database, options.path))
  transactions.patiently(() => database.exec('pragma journal_mode = wal'))
  database.exec(`pragma cache_size = -${CACHE_KB}`)
  database.exec('pragma temp_store = memory')
  database.exec(`pragma wal_autocheckpoint = ${options.checkpointPages ?? CHECKPOINT_PAGES}`)
  const desk = new Desk(new Statements(database), options.limits, (wallMs) => createIds({ wallMs }), options.thresholds)
  transactions.beginWriting('full')
  let lock: OwnerLock | null = null
  try {
    migrate(database, options.path)
    lock = enter(desk, options)
    transactions.commit()
  } catch (error) {
    transactions.rollback()
    lock?.release()
    throw error
  }
  return {
    desk,
    transactions,
    close() {
      transactions.rollback()
      database.close()
      lock.release()
    },
  }
}

/** Takes a number and a lock, and lets the leases of openings that are gone lapse. */
function enter(desk: Desk, options: HostOptions): OwnerLock {
  const ticks = options.ticks()
  const { statements } = desk
  const known = readNumbers(statements)
  desk.numbers = known ?? firstNumbers(ticks, options.boot)
  if (known === null) beginNumbers(statements, desk.numbers)
  const { numbers } = desk
  continueClock(numbers, ticks, options.boot)
  desk.now = engineTime(numbers, ticks)
  desk.wall = ticks.wallMs
  const owner = (desk.owner = ++numbers.owner)
  const first = (owner % OWNERS_TOLD_APART) * NUMBERS_OF_OWNER
  numbers.version = Math.max(numbers.version, first)
  numbers.position = Math.max(numbers.position, first)
  const lock = OwnerLock.take(options.driver, options.path, owner)
  try {
    for (const gone of ownersGone(desk, options)) letGo(desk, gone)
    desk.run(INSERT_OWNER, owner, process.pid, desk.now)
    flush(desk)
    Object.assign(numbers, { engineAt: desk.now, wallAt: desk.wall })
    writeNumbers(statements, numbers)
    return lock
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Other openings that do not live any more. */
export function ownersGone(desk: Desk, { driver, path }: Pick<HostOptions, 'driver' | 'path'>): number[] {
  const owners = desk.statements.of(OWNERS).all(desk.owner)
  const lives = new OwnerWatch(driver, path)
  const gone = owners.map(([owner]) => owner as number).filter((owner) => !lives.isAlive(owner))
  lives.keep([])
  return gone
}

export function letGo(desk: Desk, owner: number): void {
  lapseAll(desk, owner)
  desk.run(DELETE_OWNER, owner)
}
