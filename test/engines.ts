// The four engines as tests of what stands above them open them: by URL, each test a place of its own.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ManualClock } from '../src/core/clock.ts'
import { openPostgresEngine } from '../src/engine/postgres/open.ts'
import { readUrl } from '../src/engine/postgres/url.ts'
import { createPost, open, type OpenOptions, type Post } from '../src/posthorn.ts'
import { connect } from './postgres/client.ts'
import { findPostgres } from './postgres/server.ts'
import { newSchema } from './postgres/schema.ts'

const postgres = await findPostgres()
if (typeof postgres !== 'string') after(() => postgres.stop())

/** Engine time at which each clock began: that of the wall then, as a database's is, and the same for all who open it later. */
const begins = new WeakMap<ManualClock, number>()

type Kind = 'memory' | 'file' | 'sqlite' | 'postgres'

/** Places of their own for many in one test. */
export function placesIn(url: string): () => string {
  let count = 0
  return () => {
    const n = count++
    if (url.startsWith('file:')) return `${url}/${n}`
    if (url.startsWith('sqlite:')) return url.replace(/posthorn\.db$/, `${n}.db`)
    if (!url.startsWith('postgres')) return url
    const own = new URL(url)
    own.searchParams.set('schema', `${own.searchParams.get('schema')}_${n}`)
    return own.href
  }
}

/** On a clock that a test moves: a database is told the time as well. */
export async function openOn(url: string, options: OpenOptions & { readonly clock: ManualClock }): Promise<Post> {
  if (!url.startsWith('postgres')) return open(url, options)
  const { clock } = options
  const begin = begins.get(clock) ?? clock.wallMs() - clock.monotonicMs()
  begins.set(clock, begin)
  const moment = (): { readonly now: number; readonly wall: number } => ({
    now: Math.floor(begin + clock.monotonicMs()),
    wall: Math.floor(clock.wallMs()),
  })
  const { url: plain, schema } = readUrl(url)
  const engine = await openPostgresEngine(plain, { schema, clock, moment })
  return createPost({ url, engine, options, release: () => engine.close() })
}

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
      const { rows } = await admin.query('select nspname from pg_namespace where starts_with(nspname, $1)', [schema])
      for (const { nspname } of rows) await admin.query(`drop schema ${String(nspname)} cascade`)
      await admin.end()
    }
  })
}
