// Schemas of tests: each name says when it was made, so that what a killed run has left can be told from what a running one uses.

import { randomBytes } from 'node:crypto'
import { connect } from './client.ts'
import { serverUrl } from './server.ts'

const STALE_MS = 2 * 60 * 60 * 1_000
const NAME = /^(?:copy|crowd|fault|kit|test)_([0-9a-z]+)_[0-9a-f]{12}$/

/** The name of a schema that nobody else uses. */
export function newSchema(use: 'copy' | 'crowd' | 'fault' | 'kit' | 'test', nowMs: number = Date.now()): string {
  return `${use}_${nowMs.toString(36)}_${randomBytes(6).toString('hex')}`
}

/** Drops those that are older than any run lasts, where there is a server that stays; one that somebody holds a lock in is left. */
export async function dropStaleSchemas(nowMs: number = Date.now()): Promise<void> {
  const client = await connect(serverUrl()).catch(() => null)
  if (client === null) return
  try {
    await client.query(`set lock_timeout = '1s'`)
    const { rows } = await client.query('select nspname from pg_namespace')
    for (const name of rows.map(({ nspname }) => String(nspname))) {
      const madeAt = Number.parseInt(NAME.exec(name)?.[1] ?? '', 36)
      if (nowMs - madeAt > STALE_MS) await client.query(`drop schema if exists ${name} cascade`).catch(() => undefined)
    }
  } finally {
    await client.end()
  }
}
