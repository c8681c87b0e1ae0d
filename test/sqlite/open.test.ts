// What an open finds: databases of others, of a newer version, damaged; and a machine that was started anew.

import { equal, ok, rejects } from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import { nodeDriver } from '../../src/engine/sqlite/driver/node-driver.ts'
import { openSqliteEngine, type SqliteEngine } from '../../src/engine/sqlite/engine.ts'
import { sendOne, settle, take } from './peer.ts'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

const openLocal = (file: string, clock: ManualClock = new ManualClock()): Promise<SqliteEngine> =>
  openSqliteEngine(file, { clock, local: { driver: nodeDriver } })

test('a schema of a newer version is refused, and left as it is', async (t) => {
  const file = join(folderFor(t), 'p.db')
  await (await openLocal(file)).close()
  const database = new DatabaseSync(file)
  database.exec('pragma user_version = 99')
  database.close()
  await rejects(openLocal(file), { code: 'newer-format', message: /has schema 99, .* this one knows up to 4$/ })
  await rejects(openSqliteEngine(file), { code: 'newer-format' })
})

test('a database of the first schema is brought to the newest, with what is in it', async (t) => {
  const file = join(folderFor(t), 'p.db')
  const engine = await openLocal(file)
  const id = await sendOne(engine, 1)
  await engine.close()
  const database = new DatabaseSync(file)
  database.exec(
    'drop table shared; alter table message drop column shared; alter table retained drop column shared; drop table trail; alter table owner drop column follows; drop table bundle; drop table bundle_content; drop index message_id; create unique index message_id on message (id, queue); pragma user_version = 1',
  )
  database.close()
  const again = await openLocal(file)
  equal((await again.find([{ queue: 'q', id }]))[0]?.state, 'ready')
  await Promise.all([2, 3, 4, 5, 6].map((number) => sendOne(again, number)))
  equal((await again.depth(['q']))[0]!.ready + (await again.depth(['q']))[0]!.held, 6)
  await again.close()
})

test('a database of another program is refused, and left as it is', async (t) => {
  const file = join(folderFor(t), 'app.db')
  const database = new DatabaseSync(file)
  database.exec('create table customer (name text)')
  database.close()
  const before = readFileSync(file)
  await rejects(openLocal(file), { code: 'corrupt', message: /a database of another program/ })
  ok(readFileSync(file).equals(before))
})

test('a file that is no database, and a place where none can be, are refused by name', async (t) => {
  const folder = folderFor(t)
  const file = join(folder, 'text.db')
  writeFileSync(
    file,
    'this is a text, and longer than the head of a database has to be, so that it is read as one'.repeat(9),
  )
  await rejects(openLocal(file), { code: 'corrupt', message: /text\.db is no SQLite database/ })
  await rejects(openLocal(join(file, 'below.db')), { code: 'engine-failed', message: /below\.db/ })
})

test('an open makes the folders that lead to its file', async (t) => {
  const file = join(folderFor(t), 'deep', 'down', 'p.db')
  const engine = await openLocal(file)
  await sendOne(engine, 1)
  equal((await engine.depth(['q']))[0]!.ready, 1)
  await engine.close()
})

test('clock-safe: on a machine that was started anew, time goes on from where it was plus what passed on the wall', async (t) => {
  const file = join(folderFor(t), 'p.db')
  const begun = new ManualClock()
  begun.advance(5_000_000)
  const engine = await openLocal(file, begun)
  const id = await sendOne(engine, 1)
  const [first] = await engine.find([{ queue: 'q', id }])
  await engine.close()
  for (const awayMs of [60_000, -60_000]) {
    // A clock of a new boot counts from the beginning again.
    const clock = new ManualClock(begun.wallMs() + awayMs)
    const again = await openLocal(file, clock)
    const later = await sendOne(again, 2)
    const [second] = await again.find([{ queue: 'q', id: later }])
    ok(second!.sentAt >= first!.sentAt + Math.max(0, awayMs), 'no time is lost, and none goes back')
    ok(second!.sentAt <= first!.sentAt + 60_000, 'and no more passed than did')
    await again.close()
  }
})

test('one-holder: who opens the file by a symbolic link sees who else has it open', async (t) => {
  const folder = folderFor(t)
  const [file, link] = [join(folder, 'p.db'), join(folder, 'link.db')]
  // Before the file is there: the link leads to it all the same.
  symlinkSync('p.db', link)
  const clock = new ManualClock()
  const one = await openLocal(link, clock)
  await sendOne(one, 1)
  const [delivery] = await take(one, 1)
  const other = await openLocal(file, clock)
  equal((await take(other, 1)).length, 0)
  ok('done' in (await settle(one, delivery!)))
  await Promise.all([one.close(), other.close()])
})
