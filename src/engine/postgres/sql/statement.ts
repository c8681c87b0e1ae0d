/** The statements, one to a file in sql/, each in the schema that an engine was opened with. */
import { readFileSync, readdirSync } from 'node:fs'
import { listsOf } from '../connection/array.ts'
import type { Statement } from '../connection/driver.ts'
import { BEGIN, BEGIN_POOLED } from '../connection/setting.ts'

const FOLDER = new URL('./', import.meta.url)
const MIGRATIONS = new URL('../migration/', import.meta.url)

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

export class Statements {
  readonly schema: string
  readonly begin: Statement
  readonly #texts = new Map<string, Statement>()
  readonly isPrepared: boolean

  /** `isPrepared`: the server keeps their plans; false where a pooler gives a session's statements to another. */
  constructor(schema: string, isPrepared: boolean) {
    this.schema = schema
    this.isPrepared = isPrepared
    this.begin = { name: null, text: isPrepared ? BEGIN : BEGIN_POOLED }
  }

  /** @param name a file in sql/, without its ending */
  get(name: string): Statement {
    const known = this.#texts.get(name)
    if (known !== undefined) return known
    const text = this.fill(readFileSync(new URL(`${name}.sql`, FOLDER), 'utf8'))
    const statement = { name: this.isPrepared ? `posthorn ${name}` : null, text, lists: listsOf(text) }
    this.#texts.set(name, statement)
    return statement
  }

  /** A statement made of parts, which is not prepared. */
  plain(text: string): Statement {
    return { name: null, text: this.fill(text) }
  }

  fill(text: string): string {
    return text.replaceAll('{schema}', quoteName(this.schema))
  }
}

/** In order; the first is number 1. */
export function readMigrations(): readonly { readonly number: number; readonly text: string }[] {
  return readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name, at) => ({ number: at + 1, text: readFileSync(new URL(name, MIGRATIONS), 'utf8') }))
}
