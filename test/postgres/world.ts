// A schema of its own for a test, on the database's own clock, dropped at the end.

import { after, test } from 'node:test'
import type { Commit, CommitResult, Engine } from '../../src/core/engine.ts'
import { createIds, type Ids } from '../../src/core/id.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Message } from '../../src/core/message.ts'
import { openPostgresEngine, type PostgresOptions } from '../../src/engine/postgres/open.ts'
import { connect } from './client.ts'
import { newSchema } from './schema.ts'
import { findPostgres } from './server.ts'

const server = await findPostgres()
if (typeof server !== 'string') after(() => server.stop())
const ids: Ids = createIds(systemClock)

export interface World {
  readonly url: string
  readonly schema: string
  open(options?: PostgresOptions & { readonly url?: string }): Promise<Engine>
  /** Asks the database itself. */
  ask(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
}

/** A test that needs the server: skipped, and said so, where there is none. */
export function onPostgres(name: string, run: (world: World) => Promise<void>): void {
  test(name, { skip: typeof server === 'string' && server }, async () => {
    const { url } = server as Exclude<typeof server, string>
    const schema = newSchema('test')
    const engines: Engine[] = []
    const admin = await connect(url)
    try {
      await run({
        url,
        schema,
        async open({ url: other = url, ...options } = {}) {
          const engine = await openPostgresEngine(other, { schema, connections: 3, ...options })
          engines.push(engine)
          return engine
        },
        ask: async (text, values) => (await admin.query(text.replaceAll('{schema}', schema), values)).rows,
      })
    } finally {
      for (const engine of engines) await engine.close()
      await admin.query(`drop schema if exists ${schema} cascade`)
      await admin.end()
    }
  })
}

export function message(attributes: Partial<Message> & { readonly text?: string } = {}): Message {
  const { text = 'hello', ...rest } = attributes
  const id = ids.uuid()
  return {
    id,
    event: { id, source: '/test', type: 'test.made' },
    body: new TextEncoder().encode(text),
    priority: 4,
    ...rest,
  }
}

export async function commit(engine: Engine, ...changes: Commit['changes']): Promise<CommitResult> {
  return (await engine.commit([{ changes }]))[0]!
}
