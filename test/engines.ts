// The four engines as tests of what stands above them open them: by URL, each test a place of its own.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect } from './postgres/client.ts'
import { findPostgres } from './postgres/server.ts'
import { newSchema } from './postgres/schema.ts'

const postgres = await findPostgres()
if (typeof postgres !== 'string') after(() => postgres.stop())

type Kind = 'memory' | 'file' | 'sqlite' | 'postgres'

/** A test on every engine, or on those of `kinds`: skipped, and said so, where there is no server. */
export function onEngines(
  name: string,
  run: (url: string) => Promise<void>,
  kinds: readonly Kind[] = ['memory', 'file', 'sqlite', 'postgres'],
): void {
  if (kinds.includes('memory')) test(`memory: ${name}`, () => run('memory:'))
  for (const engine of ['file', 'sqlite'] as const) {
    if (!kinds.includes(engine)) continue
    test(`${engine}: ${name}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'posthorn-engines-'))
      try {
        await run(engine === 'file' ? `file:${folder}` : `sqlite:${join(folder, 'posthorn.db')}`)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })
  }
  if (!kinds.includes('postgres')) return
  test(`postgres: ${name}`, { skip: typeof postgres === 'string' && postgres }, async () => {
    const url = new URL((postgres as Exclude<typeof postgres, string>).url)
    const schema = newSchema('test')
    url.searchParams.set('schema', schema)
    try {
      await run(url.href)
    } finally {
      const admin = await connect((postgres as Exclude<typeof postgres, string>).url)
      await admin.query(`drop schema if exists ${schema} cascade`)
      await admin.end()
    }
  })
}
