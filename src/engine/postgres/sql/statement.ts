/** The statements, one to a file in sql/, each in the schema that an engine was opened with. */
import { readFileSync, readdirSync } from 'node:fs'
import { listsOf } from '../connection/array.ts'
import type { Statement } from '../connection/driver.ts'
import { BEGIN, BEGIN_POOLED } from '../connection/setting.ts'

const FOLDER = new URL('./', import.meta.url)
const MIGRATIONS = new URL('../migration/', import.meta.url)

/** Never true; its name is another as soon as a program cannot go on beside a newer one: then whatever says this fails (migration/migrate.ts). */
const GATE = 'exists (select from {schema}.queue where false and era_{era})'

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

export class Statements {
  readonly schema: string
  readonly begin: Statement
  readonly #texts = new Map<string, Statement>()
  readonly isPrepared: boolean
  /** The latest that this program knows. */
  readonly era: number

  /** `isPrepared`: the server keeps their plans; false where a pooler gives a session's statements to another. */
  constructor(schema: string, isPrepared: boolean) {
    this.schema = schema
    this.era = Math.max(...readMigrations().map(({ era }) => era ?? 0))
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
    return text
      .replaceAll('{gate}', GATE)
      .replaceAll('{era}', String(this.era))
      .replaceAll('{schema}', quoteName(this.schema))
  }
}

export interface Migration {
  readonly number: number
  readonly text: string
  /** The era that it begins: programs that do not know it cannot go on beside it. */
  readonly era: number | null
}

const BEGINS = /^-- Begins era (\d+)\.$/m

/** In order; the first is number 1. */
export function readMigrations(): readonly Migration[] {
  return readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name, at) => {
      const text = readFileSync(new URL(name, MIGRATIONS), 'utf8')
      const begun = BEGINS.exec(text)?.[1]
      return { number: at + 1, text, era: begun === undefined ? null : Number(begun) }
    })
}
