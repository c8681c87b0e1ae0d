/** Waits while the database is away. The process stays alive for it: somebody waits for an answer. */
import { keepProcessAlive, pause, type Clock } from '../../core/clock.ts'

export async function waitOut(clock: Clock, ms: number): Promise<void> {
  const alive = keepProcessAlive()
  try {
    await pause(clock, ms)
  } finally {
    alive[Symbol.dispose]()
  }
}
