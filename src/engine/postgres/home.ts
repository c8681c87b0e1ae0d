/**
 * By which other processes know that this one lives: a session that holds a lock under the process's number. Leases that it holds in its own
 * name lapse when the lock is free. Behind a pooler that shares sessions there is none: then leases lapse by their time alone.
 */
import type { Connection } from './driver.ts'
import type { Statements } from './statement.ts'

export class Home {
  readonly process: number
  readonly #statements: Statements
  readonly #lockKey: number
  #connection: Connection | null = null

  constructor(process: number, statements: Statements, lockKey: number) {
    this.process = process
    this.#statements = statements
    this.#lockKey = lockKey
  }

  get isHeld(): boolean {
    return this.#connection !== null
  }

  /** Takes over a connection, and keeps it. */
  async hold(connection: Connection): Promise<void> {
    connection.onLost(() => {
      if (this.#connection === connection) this.#connection = null
    })
    await connection.query(this.#statements.get('hold'), [this.#lockKey, this.process])
    this.#connection = connection
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    await connection?.end()
  }
}
