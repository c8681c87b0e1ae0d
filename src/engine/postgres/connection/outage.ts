/** Waits while the database is away. The process stays alive for it: somebody waits for an answer. */
import { keepProcessAlive, pause, type Clock } from '../../../core/clock.ts'

/** A little longer than the wait. */
const AND_MS = 100

export async function waitOut(clock: Clock, ms: number): Promise<void> {
  using _alive = keepProcessAlive(ms + AND_MS)
  await pause(clock, ms)
}
