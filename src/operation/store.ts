/** All operations: look one up with or without its task, wait, cancel, erase. What `post.operation` and the HTTP API stand on. */
import { PosthornError } from '../core/error.ts'
import { isUuid } from '../core/id.ts'
import { operationKey, taskOfQueue, taskQueue } from './address.ts'
import { listOperations, type OperationPage, type OperationQuery } from './list.ts'
import { fromRecord, isDone, toRecordValue, toSnapshot, type OperationSnapshot } from './snapshot.ts'
import { waitForEnd, type Wait, type WaitDeps } from './wait.ts'

/** How long an erased operation's mark stays, so that a report on its way does not bring it back. */
const MARK_MS = 24 * 3_600_000

export class OperationStore {
  readonly #deps: WaitDeps

  constructor(deps: WaitDeps) {
    this.#deps = deps
  }

  /** The operation of a task; null where there is none. */
  async get(task: string, id: string): Promise<OperationSnapshot | null> {
    const { engine } = this.#deps
    if (!isUuid(id)) return null
    // The message first: an end in between takes it away in the commit that puts the record.
    const [stored = null] = await engine.find([{ queue: taskQueue(task), id }])
    const [record = null] = await engine.get([operationKey(id)])
    const operation = toSnapshot(stored, record)
    return operation?.task === task ? operation : null
  }

  /** The operation with this id, whatever its task; null where there is none. */
  async locate(id: string): Promise<OperationSnapshot | null> {
    const { engine } = this.#deps
    if (!isUuid(id)) return null
    const queues = (await engine.depth('all')).map(({ queue }) => queue).filter((queue) => taskOfQueue(queue) !== null)
    const found = await engine.find(queues.map((queue) => ({ queue, id })))
    const [record = null] = await engine.get([operationKey(id)])
    return toSnapshot(found.find((stored) => stored !== null) ?? null, record)
  }

  /**
   * The operation when it has ended, or as it is when the time is over; null where there is none.
   * @throws PosthornError `aborted`, `closed`
   */
  wait(task: string, id: string, wait: Wait): Promise<OperationSnapshot | null> {
    return waitForEnd(this.#deps, id, () => this.get(task, id), wait)
  }

  /** Asks that it be cancelled. Whether there was something to cancel. */
  async cancel(task: string, id: string): Promise<boolean> {
    if (!isUuid(id)) return false
    const [result] = await this.#deps.engine.commit([
      { changes: [{ do: 'cancel', messages: [{ queue: taskQueue(task), id }] }] },
    ])
    if (result?.status === 'refused') throw new PosthornError(result.code, result.detail)
    const count = result?.results[0]
    return count != null && 'count' in count && count.count > 0
  }

  /**
   * Removes what is kept of an ended operation: its record, and its dead letter. False where there is none.
   * @throws PosthornError `operation-not-ended`
   */
  async erase(task: string, id: string): Promise<boolean> {
    const { engine, clock } = this.#deps
    const operation = await this.get(task, id)
    if (operation === null) return false
    if (!isDone(operation))
      throw new PosthornError('operation-not-ended', `operation ${id} is ${operation.status}: cancel it first`, {
        details: { operation: id },
      })
    const [result] = await engine.commit([
      {
        changes: [
          { do: 'discard', messages: [{ queue: taskQueue(task), id }] },
          {
            do: 'put',
            key: operationKey(id),
            value: toRecordValue({ erased: true }),
            expiresAt: clock.wallMs() + MARK_MS,
            aliases: [],
          },
        ],
      },
    ])
    if (result?.status === 'refused') throw new PosthornError(result.code, result.detail)
    return true
  }

  /** Whether this id's operation was erased. */
  async isErased(id: string): Promise<boolean> {
    const [record] = await this.#deps.engine.get([operationKey(id)])
    return record != null && 'erased' in fromRecord(record)
  }

  list(query: OperationQuery): Promise<OperationPage> {
    return listOperations(this.#deps.engine, query)
  }
}
