/**
 * Commits inside users' own transactions: two statements on the user's connection, that take no lock which others wait for. What was given is
 * decided by whoever folds next after the transaction has committed (decide/seat.ts), and is gone where it has not.
 */
import type { Change, ChangeResult, Commit, JoinedTransaction } from '../../../core/engine.ts'
import { isPosthornError, PosthornError } from '../../../core/error.ts'
import type { QueueSettings } from '../../../core/settings.ts'
import { encodeArrival, faultOfJoined, resultsOfJoined, scopeOf } from '../../sql/arrival.ts'
import { DEFAULT_ENGINE_LIMITS } from '../../sql/limit.ts'
import type { SqlTransaction } from '../adapter/sql-transaction.ts'
import { parseToken, type Held } from '../decide/token.ts'
import { toColumn } from '../row/row.ts'
import type { Session } from '../session/session.ts'
import type { Statements } from '../sql/statement.ts'
import type { Moment } from '../session/transact.ts'
import { isOfOtherSchema, translate } from './failure.ts'
import { toSqlTransaction } from './recognise.ts'

export interface JoinParts {
  readonly session: Session
  readonly statements: Statements
  readonly moment: () => Moment
  /** Something was given that others may see soon. */
  readonly hasten: () => void
}

/** What the first statement says. */
interface Known {
  readonly transaction: string
  readonly identity: string | null
  readonly queues: readonly {
    readonly name: string
    readonly settings: string
    readonly living: number
    readonly bytes: number
  }[]
  /** Numbers of changes whose message is there already. */
  readonly there: readonly number[]
  readonly firsts: readonly { readonly n: number; readonly id: string }[]
}

interface Arrived {
  readonly isSame: boolean
  readonly isHeld: boolean
}

type Sent = Extract<Change, { readonly do: 'send' | 'publish' }>

export class Joins {
  readonly #parts: JoinParts
  #identity: Promise<string> | null = null

  constructor(parts: JoinParts) {
    this.#parts = parts
  }

  join(transaction: unknown): JoinedTransaction {
    const sql = toSqlTransaction(transaction)
    let serial: string | null = null
    return {
      isExclusive: false,
      commit: async (commit) => {
        const { results, transaction: joined } = await this.#commit(sql, commit)
        serial = joined
        return results
      },
      state: () => (serial === null ? Promise.resolve('open') : this.#stateOf(serial)),
    }
  }

  async #commit(
    sql: SqlTransaction,
    commit: Commit,
  ): Promise<{ readonly results: readonly ChangeResult[]; readonly transaction: string }> {
    const { changes } = commit
    const fault = faultOfJoined(commit, { ...DEFAULT_ENGINE_LIMITS, ...this.#parts.session.limits })
    if (fault !== null) throw new PosthornError(fault.refusal.code, fault.refusal.detail, { details: { at: fault.at } })
    const tokens = changes.flatMap((change) => (change.do === 'ack' ? [parseToken(change.token)] : []))
    if (tokens.includes(null)) throw staleness()
    const identity = await this.#identityOf()
    const known = await this.#ask<Known>(sql, 'join-look', { ...namedBy(changes), now: this.#parts.moment().now })
    if (known.identity !== identity) throw this.#otherDatabase()
    const firsts = firstsOf(changes, known)
    if (tokens.length === 0) checkLimits(changes, known, firsts)
    const left = changes.filter((_, at) => !firsts.has(at))
    const arrived = await this.#ask<Arrived>(sql, 'join-arrive', {
      transaction: known.transaction,
      tokens: (tokens as readonly Held[]).map(({ queue, id, lease }) => ({ queue, id, lease })),
      dedupes: dedupesOf(left),
      changes: encodeArrival(left),
      now: this.#parts.moment().now,
    })
    if (!arrived.isSame)
      throw new PosthornError(
        'no-transaction',
        'what `within` was given is no open transaction: each statement was one of its own. Give the transaction that the library gives its body, or a client between BEGIN and COMMIT; not a pool',
        { details: { field: 'within' } },
      )
    if (!arrived.isHeld) throw staleness()
    this.#parts.hasten()
    return { results: resultsOfJoined(changes, firsts), transaction: known.transaction }
  }

  async #ask<T>(sql: SqlTransaction, statement: string, value: unknown): Promise<T> {
    const { text } = this.#parts.statements.get(statement)
    let row: unknown
    try {
      ;[row] = await sql.query(text, JSON.stringify(value))
    } catch (error) {
      // Of a schema that is too new the engine's own connection tells.
      if (isOfOtherSchema(error)) await this.#refuseNewer()
      throw translate(error, () => this.#otherDatabase(error))
    }
    const answer = (row as { readonly answer?: unknown } | undefined)?.answer
    if (typeof answer !== 'string')
      throw new PosthornError(
        'invalid-option',
        "within: its query() did not answer with the statement's rows, each an object by the names of columns",
        { details: { field: 'within' } },
      )
    return JSON.parse(answer) as T
  }

  /** @throws PosthornError `newer-format`, and where the database is away. A schema that is not there says nothing. */
  async #refuseNewer(): Promise<void> {
    try {
      await this.#parts.session.burst((query) => query('arrivals'))
    } catch (error) {
      if (isPosthornError(error)) throw error
    }
  }

  async #stateOf(transaction: string): Promise<'open' | 'committed' | 'rolled-back'> {
    const { rows } = await this.#parts.session.burst((query) => query('join-state', [transaction]))
    const { status } = rows[0]!
    return status === 'in progress' ? 'open' : status === 'aborted' ? 'rolled-back' : 'committed'
  }

  #identityOf(): Promise<string> {
    this.#identity ??= this.#parts.session
      .burst((query) => query('load-identity'))
      .then(({ rows }) => rows[0]!.id as string)
    this.#identity.catch(() => (this.#identity = null))
    return this.#identity
  }

  #otherDatabase(cause?: unknown): PosthornError {
    const { schema } = this.#parts.statements
    return new PosthornError(
      'other-database',
      `the transaction is of another database than the engine: there is no such schema '${schema}'`,
      { details: { field: 'within', schema }, ...(cause === undefined ? {} : { cause }) },
    )
  }
}

/** What the first statement is to look for. */
function namedBy(changes: readonly Change[]): object {
  const sent = changes
    .map((change, n) => ({ change, n }))
    .filter((each): each is { change: Sent; n: number } => isSent(each.change))
  const queued = sent.flatMap(({ change, n }) =>
    change.do === 'send' ? [{ name: change.queue, id: change.message.id, n }] : [],
  )
  return {
    queues: [...new Set(queued.map(({ name }) => name))],
    ids: queued,
    dedupes: sent.flatMap(({ change, n }) =>
      change.message.dedupe === undefined ? [] : [{ n, scope: scopeOf(change), text: textOf(change.message.dedupe) }],
    ),
  }
}

const isSent = (change: Change): change is Sent => change.do === 'send' || change.do === 'publish'

/** What JSON in a database can hold. */
const textOf = (text: string): string => toColumn(text).toWellFormed()

/** The ids that stand for messages which are duplicates, by the number of their change. */
function firstsOf(changes: readonly Change[], { there, firsts }: Known): ReadonlyMap<number, string> {
  const known = new Map(firsts.map(({ n, id }) => [n, id]))
  for (const n of there) if (!known.has(n)) known.set(n, (changes[n] as Sent).message.id)
  const seen = new Map<string, string>()
  for (const [n, change] of changes.entries()) {
    if (!isSent(change) || known.has(n) || change.message.dedupe === undefined) continue
    const key = `${scopeOf(change)} ${change.message.dedupe}`
    const first = seen.get(key)
    if (first === undefined) seen.set(key, change.message.id)
    else known.set(n, first)
  }
  return known
}

function dedupesOf(changes: readonly Change[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    changes.flatMap((change) =>
      isSent(change) && change.message.dedupe !== undefined
        ? [[`${scopeOf(change)} ${textOf(change.message.dedupe)}`, change.message.id]]
        : [],
    ),
  )
}

/** As it is now: what others commit before this transaction does comes on top. */
function checkLimits(changes: readonly Change[], { queues }: Known, firsts: ReadonlyMap<number, string>): void {
  for (const { name, settings, living, bytes } of queues) {
    const { limit } = JSON.parse(settings) as QueueSettings
    let [messages, size] = [living, bytes]
    for (const [at, change] of changes.entries()) {
      if (change.do !== 'send' || change.queue !== name || firsts.has(at)) continue
      messages++
      size += change.message.body.byteLength
      const isOver =
        (limit.messages !== null && messages > limit.messages) || (limit.bytes !== null && size > limit.bytes)
      if (isOver)
        throw new PosthornError(
          'full',
          `queue '${name}' holds ${living} messages of ${bytes} bytes: its limit is ${limit.messages ?? 'any number of'} messages of ${limit.bytes ?? 'any number of'} bytes`,
          { details: { at, queue: name } },
        )
    }
  }
}

const staleness = (): PosthornError =>
  new PosthornError('stale', 'the token holds no lease: it was settled, or its lease has lapsed')
