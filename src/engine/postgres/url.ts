/** `postgres://USER@HOST/DATABASE?schema=NAME&pooled=true&notify=false`: what Posthorn itself reads of the URL; the rest is the driver's. */
import { PosthornError } from '../../core/error.ts'
import type { PostgresEngine } from './engine.ts'
import { openPostgresEngine, type PostgresOptions } from './open.ts'

/** @throws PosthornError `invalid-option`, and what the database finds wrong */
export function openPostgresUrl(text: string, options: PostgresOptions): Promise<PostgresEngine> {
  const { url, schema, isPooled, isTelling } = readUrl(text)
  return openPostgresEngine(url, { ...options, schema, isPooled, isTelling })
}

/** `url` is the driver's. */
export function readUrl(text: string): {
  readonly url: string
  readonly schema: string | undefined
  readonly isPooled: boolean
  readonly isTelling: boolean
} {
  const url = parse(text)
  const schema = url.searchParams.get('schema') ?? undefined
  const [isPooled, isTelling] = [isSet(url, 'pooled', false), isSet(url, 'notify', true)]
  for (const name of ['schema', 'pooled', 'notify']) url.searchParams.delete(name)
  return { url: url.href, schema, isPooled, isTelling }
}

function isSet(url: URL, name: string, otherwise: boolean): boolean {
  const value = url.searchParams.get(name)
  if (value !== null && value !== 'true' && value !== 'false')
    throw new PosthornError('invalid-option', `the URL says ${name}=${value}: it must be 'true' or 'false'`, {
      details: { field: name, value },
    })
  return value === null ? otherwise : value === 'true'
}

/** The text may hold a password, so no error shows it. */
function parse(text: string): URL {
  try {
    return new URL(text)
  } catch {
    throw new PosthornError(
      'invalid-option',
      "the URL is not of the form 'postgres://USER:PASSWORD@HOST:PORT/DATABASE'",
      {
        details: { field: 'url' },
      },
    )
  }
}
