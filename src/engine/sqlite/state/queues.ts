/** The queues that were looked at: by name and number, with what a refused commit must take back. */
import { DEFAULT_QUEUE, type QueueSettings } from '../../../core/settings.ts'
import type { Statements } from '../driver/statements.ts'
import { DELETE_QUEUE, Queue, QUEUE_BY_ID, QUEUE_BY_NAME } from './queue.ts'

/** More than so many are forgotten together: a process that has seen all queues need not remember them. */
const REMEMBERED = 20_000

export class Queues {
  readonly #statements: Statements
  /** Queues that are not there are remembered as well: idle workers ask for them again and again. */
  readonly #byName = new Map<string, Queue | null>()
  readonly #byId = new Map<number, Queue>()
  #dirty: Queue[] = []
  #touched: Queue[] = []
  /** While a commit may be refused: how each queue it changed was before. */
  #before: Map<Queue, () => void> | null = null

  constructor(statements: Statements) {
    this.#statements = statements
  }

  find(name: string): Queue | undefined {
    const known = this.#byName.get(name)
    if (known !== undefined) return known ?? undefined
    const queue = this.#read(QUEUE_BY_NAME, name)
    if (queue === undefined) this.#byName.set(name, null)
    return queue
  }

  get(id: number): Queue | undefined {
    return this.#byId.get(id) ?? this.#read(QUEUE_BY_ID, id)
  }

  create(name: string, now: number, settings: QueueSettings = DEFAULT_QUEUE): Queue {
    const queue = Queue.insert(this.#statements, name, settings, now)
    this.#before?.set(queue, () => this.#drop(queue))
    return this.#add(queue)
  }

  remove(queue: Queue): void {
    this.change(queue)
    this.#statements.of(DELETE_QUEUE).run(queue.id)
    this.#drop(queue)
  }

  /** Call before anything about the queue changes. */
  change(queue: Queue): Queue {
    if (this.#before !== null && !this.#before.has(queue)) this.#before.set(queue, queue.copy())
    if (!queue.isDirty) {
      queue.isDirty = true
      this.#dirty.push(queue)
    }
    return queue
  }

  touch(queue: Queue): void {
    if (queue.isTouched) return
    queue.isTouched = true
    this.#touched.push(queue)
  }

  takeTouched(): readonly Queue[] {
    const touched = this.#touched
    if (touched.length > 0) this.#touched = []
    for (const queue of touched) queue.isTouched = false
    return touched
  }

  isThere(queue: Queue): boolean {
    return this.#byId.get(queue.id) === queue
  }

  hold(): void {
    this.#before = new Map()
  }

  keep(): void {
    this.#before = null
  }

  restore(): void {
    for (const goBack of this.#before!.values()) goBack()
    this.#before = null
    this.takeTouched()
    this.#dirty = this.#dirty.filter((queue) => queue.isDirty && this.isThere(queue))
  }

  flush(): void {
    for (const queue of this.#dirty) if (this.isThere(queue)) queue.write(this.#statements)
    this.#dirty = []
    if (this.#byName.size > REMEMBERED) this.clear()
  }

  get hasChanges(): boolean {
    return this.#dirty.length > 0
  }

  /** Forgets all: another process has written, or nothing of this fold holds. */
  clear(): void {
    this.#byName.clear()
    this.#byId.clear()
    this.#dirty = []
    this.#touched = []
    this.#before = null
  }

  #read(sql: string, value: string | number): Queue | undefined {
    const row = this.#statements.of(sql).first(value)
    return row === undefined ? undefined : this.#add(new Queue(row))
  }

  #add(queue: Queue): Queue {
    this.#byName.set(queue.name, queue)
    this.#byId.set(queue.id, queue)
    return queue
  }

  #drop(queue: Queue): void {
    this.#byName.delete(queue.name)
    this.#byId.delete(queue.id)
  }
}
