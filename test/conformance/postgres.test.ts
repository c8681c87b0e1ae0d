// `postgres://…` keeps the laws on a real server, with hints and without, and agrees with the oracle.

import { after, test } from 'node:test'
import { CASES } from '../../src/conformance/index.ts'
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
  // What two cases do in thousands of commits one after the other does not hang on hints.
  keepsTheLaws(
    subject,
    { hints: 'drop' },
    CASES.filter(({ name }) => !/^however (many an unbound|much)/.test(name)),
  )
  holdsAgainstOracle(subject, { runs: 150, faults: ['close', 'kill'], durability: ['os', 'disk'] })
}
