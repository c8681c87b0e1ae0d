/** What the short ways share: a fold of one statement, and what became of it where its answer is lost. */
import { describeError, isPosthornError, PosthornError } from '../../../core/error.ts'
import type { Connection } from '../connection/driver.ts'
import { failureOf } from '../connection/failure.ts'
import type { Notice } from '../hint/hint.ts'
import type { EngineLimits } from '../session/limit.ts'
import type { Statements } from '../sql/statement.ts'
import type { Moment, Transactor } from '../session/transact.ts'
import type { KnownQueue, KnownQueues } from './known-queues.ts'

export interface ShortWayParts {
  readonly queues: KnownQueues
  readonly folds: FoldNumbers
  readonly statements: Statements
  readonly limits: EngineLimits
  readonly moment: () => Moment
  /** Names the schema among the database's advisory locks. */
  readonly lockKey: number
  readonly transactor: Transactor
  readonly hint: (notices: readonly Notice[]) => void
  /** Somebody is told of records. */
  readonly hearsOfKeys: () => boolean
}

export interface Outcome {
  /** False: nothing has happened, and the long way finds out why. */
  readonly isDone: boolean
  /** The connection can still be used. */
  readonly isSound: boolean
}

/** So many folds of a process that happened or not are told apart. */
const FOLDS = 2 ** 36
/** Above that their numbers could not be told apart. Long before that many have come, the folds of the first are forgotten. */
const PROCESSES = 2 ** 16

/** Numbers of folds that take a short way: below all that deciding folds draw. */
export class FoldNumbers {
  readonly #process: number
  #count = 0

  constructor(process: number) {
    this.#process = 1 + ((process - 1) % PROCESSES)
  }

  next(): number {
    return -(this.#process * FOLDS + (this.#count++ % FOLDS))
  }
}

/** @param asked how many rows the fold wrote */
export async function outcomeOf(
  transactor: Transactor,
  connection: Connection,
  fold: number,
  asked: Promise<unknown>,
): Promise<Outcome> {
  try {
    return { isDone: (await asked) !== 0, isSound: true }
  } catch (error) {
    const failure = failureOf(error)
    // A duplicate, or somebody stands in the way: the long way knows what to do.
    if (failure === 'refused' || failure === 'passing') return { isDone: false, isSound: true }
    // It may be the only one that there can be, and it is of no use any more.
    void connection.end(true)
    return { isDone: await happened(transactor, fold), isSound: false }
  }
}

/** Whether the fold happened. If not it never will: its number is taken from now on, so a statement that is still on its way fails. */
async function happened(transactor: Transactor, fold: number): Promise<boolean> {
  try {
    return await transactor.run({
      decide: async (work) => {
        await work.query('fence', [fold])
        const { rows } = await work.query('find-fold', [fold])
        return rows[0]?.is_fence === false
      },
    })
  } catch (cause) {
    if (isPosthornError(cause) && cause.code !== 'newer-format') throw cause
    // That it cannot be looked up says nothing about what happened: it may have.
    const reason = describeError(cause).message
    throw new PosthornError('unknown', `the answer of the database was lost, and ${reason}`, { cause })
  }
}

/** The columns of `(queue, settings, line_order)` by which a statement sees whether queues are still as they are known. */
export function columnsOf(queues: ReadonlySet<KnownQueue>): readonly unknown[] {
  const all = [...queues]
  return [all.map(({ number }) => number), all.map(({ settings }) => settings), all.map(({ lineBy }) => lineBy)]
}
