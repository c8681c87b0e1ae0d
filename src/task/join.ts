/** Runs and commits inside transactions of the user's: what is sent there exists with the user's own rows, or not at all. */
import type { Clock } from '../core/clock.ts'
import type { Change, ChangeResult, Engine, JoinedTransaction } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import type { TransactionSource } from '../core/transaction.ts'
import type { Run } from '../delivery/binding.ts'
import { isOutcome, type Done } from '../delivery/outcome.ts'
import type { Receipt } from '../operation/index.ts'
import type { Composer, ComposeOptions, Outgoing } from './compose.ts'
import type { Effects } from './context.ts'
import type { Definition } from './definition.ts'
import { CommitEffects } from './effects.ts'
import type { JoinOptions } from './option.ts'

/** @throws PosthornError `unsupported` where the engine joins no transactions, `invalid-option` for what is none */
export function joinTransaction(
  engine: Pick<Engine, 'join' | 'capabilities'>,
  transaction: unknown,
  field: string,
): JoinedTransaction {
  checkJoins(engine, field)
  return engine.join!(transaction)
}

/** @throws PosthornError `unsupported` where the engine joins no transactions */
export function checkJoins(engine: Pick<Engine, 'join' | 'capabilities'>, field: string): void {
  const { engine: name, join } = engine.capabilities
  if (!join || engine.join === undefined)
    throw new PosthornError(
      'unsupported',
      `${field}: the engine '${name}' joins no transactions; 'sqlite:FILE' and 'postgres://…' do`,
      { details: { field, engine: name } },
    )
}

export interface JoinSenderDeps {
  readonly engine: Pick<Engine, 'join' | 'capabilities'>
  readonly composer: Composer
  readonly clock: Clock
}

/** Sends inside transactions. */
export class JoinSender {
  readonly #deps: JoinSenderDeps

  constructor(deps: JoinSenderDeps) {
    this.#deps = deps
  }

  /** The receipt, and the transaction on which the send depends. @throws PosthornError as `Sender.send` and `JoinedTransaction.commit` */
  async send(
    definition: Definition,
    input: unknown,
    { within, ...options }: ComposeOptions & JoinOptions,
  ): Promise<{ readonly receipt: Receipt; readonly joined: JoinedTransaction }> {
    const joined = joinTransaction(this.#deps.engine, within, 'within')
    const { queue, message } = await this.#deps.composer.compose(definition, input, options)
    const [result] = await joined.commit({ changes: [{ do: 'send', queue, message }] })
    return { receipt: receiptOf(result), joined }
  }

  async publish(
    definition: Definition,
    input: unknown,
    { within, ...options }: ComposeOptions & JoinOptions,
  ): Promise<Receipt> {
    const joined = joinTransaction(this.#deps.engine, within, 'within')
    const { queue: topic, message }: Outgoing = await this.#deps.composer.compose(definition, input, options)
    const [result] = await joined.commit({ changes: [{ do: 'publish', topic, message }] })
    return receiptOf(result)
  }

  async commit<T>(body: (effects: Effects) => T | Promise<T>, within: unknown): Promise<T> {
    const joined = joinTransaction(this.#deps.engine, within, 'within')
    const held = new CommitEffects(this.#deps.composer, this.#deps.clock)
    const value = await body(held)
    const changes = await held.close()
    if (changes.length > 0) await joined.commit({ changes })
    return value
  }
}

function receiptOf(result: ChangeResult | undefined): Receipt {
  const { id, duplicate } = result as { readonly id: string; readonly duplicate: boolean }
  return { id, duplicate, durability: 'joined' }
}

export interface JoinedRun {
  readonly engine: Pick<Engine, 'join' | 'capabilities'>
  readonly source: TransactionSource<unknown>
  readonly run: Run
  /** Where a mistake is, for people. */
  readonly field: string
  /** What the handler comes to: an outcome, or the value of `done`. */
  readonly attempt: (transaction: unknown, joined: JoinedTransaction) => unknown
  /** What ends the operation where the run is done. */
  readonly ending: (value: unknown) => readonly Change[]
}

/**
 * Runs a handler in a transaction, and settles the message in it where it is done; any other outcome rolls back and is settled as without one.
 * A lease that is not held any more fails the transaction.
 */
export async function runJoined({ engine, source, run, field, attempt, ending }: JoinedRun): Promise<unknown> {
  let undone: { readonly outcome: unknown } | null = null
  let value: unknown
  let isSettled = false
  try {
    await source.transaction(async (transaction) => {
      const joined = joinTransaction(engine, transaction, `${field}: transaction`)
      value = await attempt(transaction, joined)
      if (isOutcome(value) && value.kind !== 'done') {
        undone = { outcome: value }
        throw new PosthornError('aborted', `the handler's outcome is ${value.kind}: its transaction is rolled back`)
      }
      if (run.over) throw new PosthornError('aborted', 'the run is over: its transaction is rolled back')
      // From here on the transaction says what becomes of the message.
      run.isJoining = true
      const changes = [...run.effects, ...ending(isOutcome(value) ? (value as Done).value : value)]
      await joined.commit({ changes: [{ do: 'ack', token: run.delivery.token }, ...changes] })
      isSettled = true
    })
  } catch (error) {
    run.isJoining = false
    if (undone !== null) return (undone as { readonly outcome: unknown }).outcome
    throw error
  }
  if (!isSettled) throw sourceMistake(field)
  run.isJoined = true
  return value
}

const sourceMistake = (field: string): PosthornError =>
  new PosthornError(
    'invalid-option',
    `${field}: transaction.transaction(body) resolved without having run its body: wrap the database, e.g. fromKysely(db) of posthorn/postgres`,
    { details: { field: 'transaction' } },
  )
