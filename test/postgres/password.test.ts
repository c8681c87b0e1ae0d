// Who is not let in is told at once: the answer will not change by waiting.

import { equal, ok } from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { isPosthornError } from '../../src/core/error.ts'
import { openPostgresEngine } from '../../src/engine/postgres/open.ts'
import { connect } from './client.ts'
import { installedPrograms, OwnServer } from './own-server.ts'

const programs = installedPrograms()
const FOREVER_MS = 3_600_000

test(
  'a password that is missing or wrong is told at once, however the server asks for it',
  { skip: programs === null && 'postgres: none is installed' },
  async () => {
    const server = await OwnServer.create(programs!)
    try {
      await server.start()
      const admin = await connect(server.url)
      const methods = ['scram-sha-256', 'md5', 'password']
      for (const method of methods) {
        await admin.query(`set password_encryption = '${method === 'md5' ? 'md5' : 'scram-sha-256'}'`)
        await admin.query(`create role "${method}" login superuser password 'right'`)
      }
      const rules = methods.map((method) => `host all "${method}" 127.0.0.1/32 ${method}`)
      writeFileSync(server.accessFile, [...rules, readFileSync(server.accessFile, 'utf8')].join('\n'))
      await admin.query('select pg_reload_conf()')
      await admin.end()
      for (const method of methods) {
        for (const user of [method, `${method}:wrong`]) {
          const error = await openAs(server.url, user).catch((thrown: unknown) => thrown)
          ok(isPosthornError(error) && error.code === 'invalid-option', `${user}: ${String(error)}`)
        }
        equal(await openAs(server.url, `${method}:right`), 'open')
      }
    } finally {
      await server.remove()
    }
  },
)

async function openAs(url: string, user: string): Promise<string> {
  const engine = await openPostgresEngine(url.replace('postgres@', `${user}@`), { outageMs: FOREVER_MS })
  await engine.close()
  return 'open'
}
