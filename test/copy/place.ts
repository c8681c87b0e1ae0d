// Places that a copy can be made between, each by its URL, and gone after the test.

import { rmSync } from 'node:fs'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Engine } from '../../src/core/engine.ts'
import { open, internalsOf, type Post } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { connect } from '../postgres/client.ts'
import { newSchema } from '../postgres/schema.ts'

export type Kind = 'file' | 'sqlite' | 'postgres'

export async function newPlace(t: TestContext, kind: Kind, server: string): Promise<string> {
  if (kind === 'postgres') {
    const schema = newSchema('copy')
    t.after(async () => {
      const admin = await connect(server)
      await admin.query(`drop schema if exists ${schema} cascade`)
      await admin.end()
    })
    return `${server}?schema=${schema}`
  }
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-copy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return kind === 'file' ? `file:${join(folder, 'engine')}` : `sqlite:${join(folder, 'engine.db')}`
}

/** The engine, without anybody who works on it. */
export async function withEngine<T>(url: string, use: (engine: Engine) => Promise<T>): Promise<T> {
  const post = await open(url, { log: silentLog })
  try {
    return await use(internalsOf(post).engine)
  } finally {
    await post.close()
  }
}

export const engineOf = (post: Post): Engine => internalsOf(post).engine
