/**
 * The short way for calls of nothing but acks, each with records that are put beside it whatever was there: what a handler that is done
 * leaves behind. One statement that is a transaction, under a lock that all who take this way share, so that nobody decides about the same things meanwhile. It
 * happens as a whole, or the long way is taken: where a token is stale, where somebody waits in line behind a message.
 */
import type { Change, Commit, CommitResult } from '../../../core/engine.ts'
import { faultOfPut } from '../../sql/check.ts'
import { toVersion } from '../decide/record.ts'
import { TokenReader, type Held } from '../decide/token.ts'
import type { Connection } from '../connection/driver.ts'
import type { KnownQueue } from './known-queues.ts'
import { askAlone } from '../session/transact.ts'
import { columnsOf, outcomeOf, type Outcome, type ShortWayParts } from './short-way.ts'

/** Changes of one call. */
export const MOST_SETTLES = 2_000
/** Numbers that one draw reserves; as the sequence says. */
const BLOCK = 4_096

type Put = Extract<Change, { readonly do: 'put' }>

export interface SettleCall {
  readonly acks: readonly Held[]
  readonly queues: readonly KnownQueue[]
  readonly puts: readonly Put[]
  readonly commits: readonly Commit[]
}

export class PlainSettles {
  readonly #parts: ShortWayParts
  readonly #tokens = new TokenReader()
  #serial = 0
  #serialEnd = 0
  #drawing: Promise<void> | null = null

  constructor(parts: ShortWayParts) {
    this.#parts = parts
  }

  /** null where the long way must be taken. */
  read(commits: readonly Commit[]): SettleCall | null {
    const acks: Held[] = []
    const queues: KnownQueue[] = []
    const puts: Put[] = []
    for (const { id, durability, changes } of commits) {
      const isOdd = id !== undefined || (durability !== undefined && durability !== 'os' && durability !== 'disk')
      if (isOdd || !Array.isArray(changes)) return null
      for (const change of changes) {
        if (change?.do === 'ack') {
          const held = this.#tokens.read(change.token)
          const queue = held === null ? null : this.#parts.queues.forgetful(held.queue)
          if (queue === null) return null
          acks.push(held!)
          queues.push(queue)
        } else if (change?.do === 'put' && change.ifVersion === undefined) {
          if (faultOfPut(change, this.#parts.limits) !== null) return null
          puts.push(change)
        } else return null
      }
    }
    return acks.length === 0 || acks.length + puts.length > MOST_SETTLES ? null : { acks, queues, puts, commits }
  }

  /** All calls or none; `version`: the first of the numbers that are their records' versions. */
  async settle(connection: Connection, calls: readonly SettleCall[]): Promise<Outcome & { readonly version: number }> {
    const { queues, folds, statements, moment, lockKey, transactor, hint, hearsOfKeys } = this.#parts
    const named = new Set(calls.flatMap((call) => call.queues))
    const acks = calls.flatMap((call) => call.acks)
    const puts = calls.flatMap((call) => call.puts)
    if (new Set(acks.map(({ id }) => id)).size < acks.length || new Set(puts.map(({ key }) => key)).size < puts.length)
      return { isDone: false, isSound: true, version: 0 }
    const fold = folds.next()
    let version = 0
    const ask = async (): Promise<unknown> => {
      version = puts.length === 0 ? 0 : await this.#draw(connection, puts.length)
      const aliases = puts.flatMap(othersOf)
      // In one order whoever asks, so that nobody waits in a circle.
      const ordered = acks.toSorted((one, other) => (one.id < other.id ? -1 : 1))
      const values = [
        lockKey,
        moment().now,
        fold,
        ...columnsOf(named),
        ordered.map(({ queue }) => queue),
        ordered.map(({ id }) => id),
        ordered.map(({ lease }) => lease),
        puts.map(({ key }) => key),
        puts.map((_, at) => version + at),
        puts.map(({ expiresAt }) => (expiresAt === undefined ? null : Math.round(expiresAt))),
        puts.map(({ value }) => value),
        puts.map(({ aliases: [first = null] = [] }) => first),
        aliases.map(({ alias }) => alias),
        aliases.map(({ key }) => key),
      ]
      return (await askAlone(connection, statements, 'settle', values)).rows[0]!.count
    }
    const outcome = await outcomeOf(transactor, connection, fold, ask())
    if (outcome.isDone) {
      if (hearsOfKeys()) hint(puts.flatMap(({ key, aliases = [] }) => [key, ...aliases].map((text) => ({ key: text }))))
    } else for (const queue of named) queues.avoid(queue)
    return { ...outcome, version }
  }

  /** The database may not be the one any more that gave the numbers. */
  clear(): void {
    this.#serialEnd = this.#serial
  }

  async #refill(connection: Connection): Promise<void> {
    try {
      const { rows } = await connection.query(this.#parts.statements.get('draw'))
      this.#serial = rows[0]!.serial as number
      this.#serialEnd = this.#serial + BLOCK
    } finally {
      this.#drawing = null
    }
  }

  /** So many numbers that were never used. */
  async #draw(connection: Connection, count: number): Promise<number> {
    // Who comes while some are drawn waits as well: whoever puts a record later gives it the later version.
    while (this.#drawing !== null || this.#serialEnd - this.#serial < count) {
      this.#drawing ??= this.#refill(connection)
      await this.#drawing
    }
    this.#serial += count
    return this.#serial - count
  }
}

const NONE: readonly never[] = []

/** All aliases but the first, which stands in the row of its record. */
function othersOf({ key, aliases }: Put): readonly { readonly alias: string; readonly key: string }[] {
  if (aliases === undefined || aliases.length < 2) return NONE
  return [...new Set(aliases)].slice(1).map((alias) => ({ alias, key }))
}

/** @param version of the first record that is put */
export function resultsOfSettles({ commits }: SettleCall, version: number): readonly CommitResult[] {
  let next = version
  return commits.map(({ changes }) => ({
    status: 'committed',
    durability: 'disk',
    replayed: false,
    results: changes.map((change) => (change.do === 'put' ? { version: toVersion(next++) } : null)),
  }))
}
