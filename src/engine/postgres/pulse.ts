/**
 * Finds connections that are dead and do not say so: half-open ones, of which TCP learns late or never. Where an answer is missing for long,
 * the server is asked over another connection whether it is still at work on it; if not, the answer will not come. Costs nothing while
 * answers come.
 */
import type { Clock } from '../../core/clock.ts'
import { dial, hangUp } from './dial.ts'
import type { Connection, Driver } from './driver.ts'
import type { Statements } from './statement.ts'

/** So long nothing may be heard of a connection that owes an answer, before somebody asks. */
const QUIET_MS = 300
/** Who asked and was told that all are at work asks again ever later. */
const LONGEST_MS = 1_000

interface Patient {
  readonly connection: Connection
  readonly pid: number
  /** Answers that are owed. */
  owed: number
  /** Answers that came. */
  heard: number
  heardAtMs: number
}

export interface PulseParts {
  readonly driver: Driver
  readonly clock: Clock
  readonly statements: Statements
}

export class Pulse {
  readonly #parts: PulseParts
  readonly #patients = new Set<Patient>()
  #timer: Disposable | null = null
  #isAsking = false
  #pauseMs = QUIET_MS
  #isClosed = false

  constructor(parts: PulseParts) {
    this.#parts = parts
  }

  /** The same connection, watched. */
  watch(connection: Connection): Connection {
    const { pid } = connection
    const patient: Patient = { connection, pid, owed: 0, heard: 0, heardAtMs: 0 }
    this.#patients.add(patient)
    connection.onLost(() => this.#patients.delete(patient))
    return {
      ...connection,
      query: async (statement, values) => {
        if (patient.owed++ === 0) patient.heardAtMs = this.#parts.clock.monotonicMs()
        this.#arm()
        try {
          return await connection.query(statement, values)
        } finally {
          patient.owed--
          patient.heard++
          patient.heardAtMs = this.#parts.clock.monotonicMs()
        }
      },
    }
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.[Symbol.dispose]()
  }

  #arm(): void {
    if (this.#timer !== null || this.#isAsking || this.#isClosed) return
    this.#timer = this.#parts.clock.timer(this.#pauseMs, () => {
      this.#timer = null
      void this.#look()
    })
  }

  async #look(): Promise<void> {
    const since = this.#parts.clock.monotonicMs() - QUIET_MS
    const quiet = [...this.#patients].filter(({ owed, heardAtMs }) => owed > 0 && heardAtMs <= since)
    this.#pauseMs = quiet.length === 0 ? QUIET_MS : Math.min(2 * this.#pauseMs, LONGEST_MS)
    if (quiet.length > 0) {
      this.#isAsking = true
      // No answer to this either: the database is away, and there is nothing to find out.
      await this.#ask(quiet).catch(() => {})
      this.#isAsking = false
    }
    if ([...this.#patients].some(({ owed }) => owed > 0)) this.#arm()
  }

  async #ask(quiet: readonly Patient[]): Promise<void> {
    const { clock, driver, statements } = this.#parts
    const before = new Map(quiet.map((patient) => [patient, patient.heard]))
    const probe = await dial(driver, clock)
    try {
      const { rows } = await probe.query(statements.get('at-work'), [quiet.map(({ pid }) => pid)])
      const atWork = new Set(rows.map(({ number }) => number as number))
      // What was on its way has come by now.
      const dead = quiet.filter(
        (patient) => patient.owed > 0 && patient.heard === before.get(patient) && !atWork.has(patient.pid),
      )
      if (dead.length === 0) return
      this.#pauseMs = QUIET_MS
      // Its transaction may be open there, with locks that others wait for.
      await probe.query(statements.get('end-sessions'), [dead.map(({ pid }) => pid)])
      for (const { connection } of dead) void connection.end(true)
    } finally {
      await hangUp(probe, clock)
    }
  }
}
