// Handles orders in transactions of its own: a row, the ack and the next message are one. Says when it is ready; it is killed in the middle.

import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { handle, open, silentLog, type TransactionSource } from '../../src/index.ts'
import { fromPg, type PgClient } from '../../src/postgres.ts'
import { fromSqlite } from '../../src/sqlite.ts'
import { pay, ship } from './contract.ts'

const [, , url = '', table = ''] = process.argv

interface Writer {
  readonly source: TransactionSource<object>
  readonly write: (tx: object, order: number) => unknown
}

function writerOf(): Writer {
  if (url.startsWith('sqlite:')) {
    const source = fromSqlite(new DatabaseSync(url.slice('sqlite:'.length)))
    const text = `insert into ${table} values (?)`
    return { source, write: (tx, order) => (tx as DatabaseSync).prepare(text).run(order) }
  }
  const { Pool } = pg as { Pool: new (config: object) => { connect(): Promise<PgClient> } }
  const source = fromPg(new Pool({ connectionString: url, max: 12 }))
  return { source, write: (tx, order) => (tx as PgClient).query(`insert into ${table} values (${order})`) }
}

const { source, write } = writerOf()
const post = await open(url, { log: silentLog })
await post.work([
  handle(
    pay,
    async ({ order }, ctx) => {
      await write(ctx.tx, order)
      ctx.send(ship, { order })
    },
    { transaction: source },
  ),
])
console.log('ready')
