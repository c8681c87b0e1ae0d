/** `postgres://USER@HOST/DATABASE?schema=NAME&pooled=true`: what Posthorn itself reads of the URL; the rest is the driver's. */
import { PosthornError } from '../../core/error.ts'
import type { PostgresEngine } from './engine.ts'
import { openPostgresEngine, type PostgresOptions } from './open.ts'

/** @throws PosthornError `invalid-option`, and what the database finds wrong */
export function openPostgresUrl(text: string, options: PostgresOptions): Promise<PostgresEngine> {
  const url = parse(text)
  const schema = url.searchParams.get('schema') ?? undefined
  const pooled = url.searchParams.get('pooled')
  if (pooled !== null && pooled !== 'true' && pooled !== 'false')
    throw new PosthornError('invalid-option', `the URL says pooled=${pooled}: it must be 'true' or 'false'`, {
      details: { field: 'pooled', value: pooled },
    })
  url.searchParams.delete('schema')
  url.searchParams.delete('pooled')
  return openPostgresEngine(url.href, { ...options, schema, isPooled: pooled === 'true' })
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
