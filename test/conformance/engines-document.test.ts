// docs/reference/engines.md says what the engines offer: its tables are compared with what they say themselves.
// `POSTHORN_WRITE_DOCS=1 node --test test/conformance/engines-document.test.ts` writes them anew.

import { equal } from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findPostgres } from '../postgres/server.ts'
import { tablesOfEngines } from './engines.ts'
import { fileSubject } from './file-subject.ts'
import { memorySubject } from './memory-subject.ts'
import { postgresSubject } from './postgres-subject.ts'
import { sqliteSubject } from './sqlite-subject.ts'

const file = join(import.meta.dirname, '../../docs/reference/engines.md')
const found = await findPostgres()

test(
  'docs/reference/engines.md says what each engine offers',
  { skip: typeof found === 'string' && found },
  async (t) => {
    if (typeof found === 'string') return
    const postgres = postgresSubject(found.url)
    t.after(async () => {
      await postgres.end()
      await found.stop()
    })
    const tables = await tablesOfEngines([
      { title: 'memory:', subject: memorySubject },
      { title: 'file:DIR', subject: fileSubject },
      { title: 'sqlite:FILE', subject: sqliteSubject },
      { title: 'postgres://…', subject: postgres },
    ])
    for (const [name, lines] of Object.entries(tables)) {
      const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
      const text = readFileSync(file, 'utf8')
      const from = text.indexOf(begin) + begin.length
      const until = text.indexOf(end)
      const table = `\n\n${lines.join('\n')}\n\n`
      if (process.env['POSTHORN_WRITE_DOCS'] === '1')
        writeFileSync(file, text.slice(0, from) + table + text.slice(until))
      else equal(text.slice(from, until), table, `the table of ${name}`)
    }
  },
)
