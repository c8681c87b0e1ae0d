/** The operation that a caller holds: typed by its contract, made by a send or by `post.operation`. */
import { DEFAULTS } from '../core/default.ts'
import { parseDuration } from '../core/duration.ts'
import type { JoinedTransaction } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { isUuid } from '../core/id.ts'
import { checkKnown } from '../core/option.ts'
import type {
  Ended,
  Operation,
  OperationError,
  OperationView,
  Receipt,
  SentOperation,
  WaitOptions,
} from './operation.ts'
import { isDone, toFailureProblem, type OperationSnapshot } from './snapshot.ts'
import type { OperationStore } from './store.ts'

export interface AttachDeps<Output> {
  readonly store: OperationStore
  readonly task: string
  /** The output as its schema gives it, from the wire form. */
  parse(output: unknown): Output | Promise<Output>
}

/** @throws PosthornError `invalid` where the id is no UUID */
export function attach<Output, Errors>(deps: AttachDeps<Output>, id: string): Operation<Output, Errors> {
  if (!isUuid(id))
    throw new PosthornError(
      'invalid',
      `id is ${JSON.stringify(id)}: it must be the id of an operation, a UUID in lower case`,
      { details: { field: 'id', value: id } },
    )
  return new AttachedOperation(deps, id)
}

/** @param joined the user's transaction of which the send is part */
export function attachSent<Output, Errors>(
  deps: AttachDeps<Output>,
  receipt: Receipt,
  joined: Pick<JoinedTransaction, 'state'> | null = null,
): SentOperation<Output, Errors> {
  return new AttachedSend<Output, Errors>(deps, receipt, joined)
}

class AttachedOperation<Output, Errors> implements Operation<Output, Errors> {
  readonly id: string
  readonly task: string
  readonly #deps: AttachDeps<Output>

  constructor(deps: AttachDeps<Output>, id: string) {
    this.id = id
    this.task = deps.task
    this.#deps = deps
  }

  async result(options: WaitOptions = {}): Promise<Output> {
    const ended = await this.ended(options)
    if (ended.status === 'succeeded') return ended.output
    const details = { operation: this.id, task: this.task }
    if (ended.status === 'failed') {
      throw new PosthornError(
        'operation-failed',
        `operation ${this.id} of task '${this.task}' failed as '${ended.error.code}': ${ended.error.message}`,
        { details: { ...details, error: ended.error } },
      )
    }
    throw new PosthornError(
      `operation-${ended.status}`,
      `operation ${this.id} of task '${this.task}' ${ended.status === 'expired' ? 'has expired before it was handled' : 'was cancelled'}`,
      { details },
    )
  }

  async ended(options: WaitOptions = {}): Promise<Ended<Output, Errors>> {
    checkKnown('the wait for an operation', options, ['timeout', 'signal'])
    const { timeout, signal } = options
    const timeoutMs = timeout === undefined ? DEFAULTS.resultWaitMs : parseDuration(timeout, 'timeout')
    const operation = await this.#deps.store.wait(this.task, this.id, { timeoutMs, signal })
    if (operation === null) throw this.#notFound()
    switch (operation.status) {
      case 'succeeded':
        return { status: 'succeeded', output: await this.#deps.parse(operation.output) }
      case 'failed':
        return { status: 'failed', error: toError(operation) }
      case 'cancelled':
      case 'expired':
        return { status: operation.status }
      case 'accepted':
      case 'running':
        throw new PosthornError(
          'wait-timed-out',
          `operation ${this.id} of task '${this.task}' was still ${operation.status} after ${timeoutMs} ms; it goes on, and post.operation() holds it again`,
          {
            details: { operation: this.id, task: this.task, status: operation.status, timeoutMs },
          },
        )
    }
  }

  async cancel(): Promise<void> {
    await this.#deps.store.cancel(this.task, this.id)
  }

  async view(): Promise<OperationView<Output, Errors> | undefined> {
    const operation = await this.#deps.store.get(this.task, this.id)
    if (operation === null) return undefined
    const { status, progress, attempts, createdAt, startedAt, endedAt } = operation
    return {
      id: this.id,
      task: this.task,
      status,
      done: isDone(operation),
      progress,
      output: status === 'succeeded' ? await this.#deps.parse(operation.output) : undefined,
      error: status === 'failed' ? toError<Errors>(operation) : undefined,
      attempts,
      createdAt: new Date(createdAt),
      startedAt: startedAt === undefined ? undefined : new Date(startedAt),
      endedAt: endedAt === undefined ? undefined : new Date(endedAt),
    }
  }

  #notFound(): PosthornError {
    return new PosthornError(
      'operation-not-found',
      `task '${this.task}' has no operation ${this.id}: it was never sent, or it is kept no longer`,
      { details: { operation: this.id, task: this.task } },
    )
  }
}

class AttachedSend<Output, Errors> extends AttachedOperation<Output, Errors> implements SentOperation<Output, Errors> {
  readonly receipt: Receipt
  /** null: it is committed, for all that is known. */
  #joined: Pick<JoinedTransaction, 'state'> | null

  constructor(deps: AttachDeps<Output>, receipt: Receipt, joined: Pick<JoinedTransaction, 'state'> | null) {
    super(deps, receipt.id)
    this.receipt = receipt
    this.#joined = receipt.duplicate ? null : joined
  }

  override async ended(options: WaitOptions = {}): Promise<Ended<Output, Errors>> {
    if (this.#joined !== null) await this.#checkCommitted(this.#joined)
    return super.ended(options)
  }

  async #checkCommitted(joined: Pick<JoinedTransaction, 'state'>): Promise<void> {
    const state = await joined.state()
    const details = { operation: this.id, task: this.task }
    if (state === 'open')
      throw new PosthornError(
        'would-wait',
        `operation ${this.id} of task '${this.task}' was sent in a transaction that has not committed: nobody can run it before, so wait for it after the commit`,
        { details },
      )
    if (state === 'rolled-back')
      throw new PosthornError(
        'operation-not-found',
        `operation ${this.id} of task '${this.task}' was sent in a transaction that was rolled back: it was never sent`,
        { details },
      )
    this.#joined = null
  }
}

function toError<Errors>({ error }: OperationSnapshot): OperationError<Errors> {
  const { code, detail, title, data } = error ?? toFailureProblem('handler-failed', 'no more is known')
  return { code, message: detail ?? title, ...(data === undefined ? {} : { data }) } as OperationError<Errors>
}
