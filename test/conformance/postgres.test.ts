// `postgres://…` keeps the laws on a real server, with hints and without, and agrees with the oracle.

import { after, test } from 'node:test'
import { findPostgres } from '../postgres/server.ts'
import { keepsTheLaws } from './laws.ts'
import { postgresSubject } from './postgres-subject.ts'
import { holdsAgainstOracle } from './property.ts'

const server = await findPostgres()

if (typeof server === 'string') test('postgres keeps the laws', { skip: server }, () => {})
else {
  const subject = postgresSubject(server.url)
  after(async () => {
    await subject.end()
    await server.stop()
  })
  keepsTheLaws(subject, { hints: 'deliver' })
  keepsTheLaws(subject, { hints: 'drop' })
  holdsAgainstOracle(subject, { runs: 100, faults: ['close', 'kill'], durability: ['os', 'disk'] })
}
