/**
 * A connection, as soon as there can be one. An attempt that gets no answer may never get any, although the database is back: after half a
 * second another is made beside it, and whoever is first wins.
 */
import { pause, type Clock } from '../../../core/clock.ts'
import type { Connection, Driver } from './driver.ts'

const PATIENCE_MS = 500

/** @throws what the latest attempt says */
export function dial(driver: Driver, clock: Clock): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let isOver = false
    let latest = 0
    const attempt = async (number: number): Promise<void> => {
      const timer = clock.timer(PATIENCE_MS, () => {
        if (!isOver) void attempt(++latest)
      })
      try {
        const connection = await driver.connect()
        if (isOver) await connection.end()
        isOver = true
        resolve(connection)
      } catch (error) {
        if (number < latest) return
        isOver = true
        reject(error)
      } finally {
        timer[Symbol.dispose]()
      }
    }
    void attempt(0)
  })
}

/** Ends a connection; of one that is dead nobody waits for the farewell. */
export async function hangUp(connection: Connection, clock: Clock): Promise<void> {
  const farewell = connection.end()
  await Promise.race([farewell, pause(clock, PATIENCE_MS)])
  await connection.end(true)
}
