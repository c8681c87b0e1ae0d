import { equal, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from './driver/driver.ts'
import { Transactions } from './transaction.ts'

const BUSY = Object.assign(new Error('busy'), { errcode: 5 })

/** Of a lock that others have for so long: the naps until it is had. */
function wait(forMs: number): readonly number[] {
  let now = 0
  const naps: number[] = []
  const database: Pick<Database, 'exec'> = {
    exec(sql) {
      if (sql === 'begin immediate' && now < forMs) throw BUSY
    },
  }
  const transactions = new Transactions(
    database as Database,
    () => now,
    (ms) => (naps.push(ms), (now += ms)),
  )
  transactions.beginWriting('full')
  return naps
}

test('a lock that is free for moments only is looked for often, one that is held for long now and then', () => {
  const short = wait(20)
  ok(short.every((ms) => ms <= 0.25))
  ok(short.length < 400)
  const long = wait(5_000)
  equal(long.at(-1), 2)
  ok(long.length < 4_000)
})

test('a lock that is never free fails the call', () => {
  throws(() => wait(Infinity), { message: 'busy' })
})
