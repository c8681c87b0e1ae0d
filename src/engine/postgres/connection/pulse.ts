/**
 * Finds connections that are dead and do not say so: half-open ones, of which TCP learns late or never. Where an answer is missing for long,
 * the server is asked over another connection whether it is still at work on it; if not, the answer will not come. Where one is silent, those
 * that are idle are asked something, or each would be found dead only when it is used. Costs nothing while answers come.
 */
import { pause, type Clock } from '../../../core/clock.ts'
import { dial, hangUp } from './dial.ts'
import type { Answer, Connection, Driver } from './driver.ts'
import type { Statements } from '../sql/statement.ts'

/** So long nothing may be heard of a connection that owes an answer, before somebody asks. */
const QUIET_MS = 300
/** Who asked and was told that all are at work asks again ever later. */
const LONGEST_MS = 600

interface Patient {
  readonly connection: Connection
  readonly pid: number
  /** Answers that are owed. */
  owed: number
  /** Answers that came. */
  heard: number
  heardAtMs: number
  /** Asks something, to hear whether anything is heard. */
  readonly ping: () => void
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
    const { clock, statements } = this.#parts
    const ping = (): void => void watched.query(statements.plain('select')).catch(() => {})
    const patient: Patient = { connection, pid, owed: 0, heard: 0, heardAtMs: clock.monotonicMs(), ping }
    this.#patients.add(patient)
    connection.onLost(() => this.#patients.delete(patient))
    const watched: Connection = {
      ...connection,
      query: async (statement, values) => {
        if (patient.owed++ === 0) patient.heardAtMs = clock.monotonicMs()
        this.#arm()
        try {
          return await connection.query(statement, values)
        } finally {
          patient.owed--
          patient.heard++
          patient.heardAtMs = clock.monotonicMs()
        }
      },
    }
    return watched
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
    const quiet = this.#quiet()
    this.#pauseMs = quiet.length === 0 ? QUIET_MS : Math.min(2 * this.#pauseMs, LONGEST_MS)
    if (quiet.length > 0) {
      this.#isAsking = true
      const since = this.#since()
      for (const { owed, heardAtMs, ping } of this.#patients) if (owed === 0 && heardAtMs <= since) ping()
      // No answer to this either: the database is away, and there is nothing to find out.
      await this.#ask().catch(() => {})
      this.#isAsking = false
    }
    if ([...this.#patients].some(({ owed }) => owed > 0)) this.#arm()
  }

  #since(): number {
    return this.#parts.clock.monotonicMs() - QUIET_MS
  }

  /** Those of which nothing was heard although they owe an answer. */
  #quiet(): readonly Patient[] {
    const since = this.#since()
    return [...this.#patients].filter(({ owed, heardAtMs }) => owed > 0 && heardAtMs <= since)
  }

  async #ask(): Promise<void> {
    const { clock, driver } = this.#parts
    const probe = await dial(driver, clock)
    // That may have taken long.
    const quiet = this.#quiet()
    const before = new Map(quiet.map((patient) => [patient, patient.heard]))
    try {
      const { rows } = await this.#answer(probe, 'at-work', quiet)
      const atWork = new Set(rows.map(({ number }) => number as number))
      // What was on its way has come by now.
      const dead = quiet.filter(
        (patient) => patient.owed > 0 && patient.heard === before.get(patient) && !atWork.has(patient.pid),
      )
      if (dead.length === 0) return
      this.#pauseMs = QUIET_MS
      // Its transaction may be open there, with locks that others wait for.
      await this.#answer(probe, 'end-sessions', dead)
      for (const { connection } of dead) void connection.end(true)
    } finally {
      await hangUp(probe, clock)
    }
  }

  /** The probe itself may be dead by now: then another is sent. */
  async #answer(probe: Connection, name: string, some: readonly Patient[]): Promise<Answer> {
    const { clock, statements } = this.#parts
    const answer = probe.query(statements.get(name), [some.map(({ pid }) => pid)])
    const inTime = await Promise.race([answer, pause(clock, LONGEST_MS)])
    if (inTime !== undefined) return inTime
    void probe.end(true)
    throw new Error('the probe is silent')
  }
}
