// The thread that has the database open: it ends when the engine is closed, whatever has become of the database.

import { equal, rejects } from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openSqliteEngine } from '../../src/engine/sqlite/engine.ts'
import { sendOne } from './peer.ts'

const PAGE = 4_096

/** All but the first page, which says that it is a database. */
function damage(file: string): void {
  const opened = openSync(file, 'r+')
  const bytes = statSync(file).size - PAGE
  writeSync(opened, Buffer.alloc(bytes, 0x5a), 0, bytes, PAGE)
  closeSync(opened)
}

test('an engine whose database was damaged says so, and can be closed', { timeout: 10_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'p.db')
  const engine = await openSqliteEngine(file)
  await sendOne(engine, 1)
  const other = new DatabaseSync(file)
  other.exec('create table mine (id integer)')
  other.exec('pragma wal_checkpoint(truncate)')
  other.close()
  damage(file)
  await rejects(engine.depth('all'), { code: 'corrupt' })
  equal(((await engine.failed) as { readonly code?: string }).code, 'corrupt')
  await rejects(sendOne(engine, 2), { code: 'corrupt' })
  await engine.close()
})
