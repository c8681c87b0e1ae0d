/**
 * What a session is told once: how long anything may take, and to plan for tables whose statistics are old. Behind a pooler, where a session
 * is another's a moment later, every transaction is told.
 */
import type { Driver } from './driver.ts'

const SETTINGS = [
  "default_transaction_isolation = 'read committed'",
  "statement_timeout = '30s'",
  "lock_timeout = '10s'",
  "idle_in_transaction_session_timeout = '5s'",
  'jit = off',
  'plan_cache_mode = force_generic_plan',
  'enable_seqscan = off',
]

/** Whatever the database's default is: who has waited for a lock sees what was committed meanwhile. */
export const BEGIN = 'begin isolation level read committed'
export const BEGIN_POOLED: string = [BEGIN, ...SETTINGS.map((setting) => `set local ${setting}`)].join('; ')

const SESSION = { name: null, text: SETTINGS.map((setting) => `set ${setting}`).join('; ') }

/** The same driver, whose sessions are told. */
export function withSettings(driver: Driver): Driver {
  return {
    connect: async () => {
      const connection = await driver.connect()
      try {
        await connection.query(SESSION)
        return connection
      } catch (error) {
        await connection.end(true)
        throw error
      }
    },
  }
}
