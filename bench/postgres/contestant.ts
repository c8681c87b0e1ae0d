/** Who is measured on PostgreSQL, each in a schema of its own. */
import type { Contestant } from '../contestant.ts'

export const CONTESTANTS = [
  'posthorn',
  'posthorn-queue',
  'graphile-worker',
  'pg-boss',
  'pg-boss-without-notify',
  'raw',
] as const
export type Name = (typeof CONTESTANTS)[number]

/** Loads only the library that is asked for. */
export async function create(name: Name, url: string, schema: string): Promise<Contestant> {
  switch (name) {
    case 'posthorn':
    case 'posthorn-queue': {
      const { Posthorn } = await import('../posthorn.ts')
      const options = { engine: posthornUrl(url, schema), level: 'api', dir: '', redisPort: null } as const
      return new Posthorn(options, name === 'posthorn' ? 'task' : 'queue', true)
    }
    case 'graphile-worker':
      return new (await import('./graphile-worker.ts')).GraphileWorker(url, schema)
    case 'pg-boss':
    case 'pg-boss-without-notify':
      return new (await import('./pg-boss.ts')).Boss(url, schema, name === 'pg-boss')
    case 'raw':
      return new (await import('./raw.ts')).Raw(url, schema)
  }
}

export function posthornUrl(text: string, schema: string): string {
  const url = new URL(text)
  url.searchParams.set('schema', schema)
  return url.href
}
