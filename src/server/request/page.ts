/** Pages of a list: `limit` and `after` in, `items` and `next` out. */
import { parseWhole } from './field.ts'

export const LIMIT = { min: 1, max: 500 }
const DEFAULT_LIMIT = 50

export interface PageQuery {
  readonly limit: number
  readonly after: string | null
}

/** @throws PosthornError `invalid` */
export function readPage(url: URL): PageQuery {
  const after = url.searchParams.get('after')
  return {
    limit: parseWhole(url.searchParams.get('limit'), 'limit', LIMIT, DEFAULT_LIMIT),
    after: after === '' ? null : after,
  }
}

/** A page of a list that is there as a whole, in order of its keys. A cursor stands when items come and go. */
export function pageOf<T>(
  url: URL,
  all: readonly T[],
  keyOf: (item: T) => string,
): { readonly items: readonly T[]; readonly next: string | null } {
  const { limit, after } = readPage(url)
  const rest = after === null ? all : all.filter((item) => keyOf(item) > after)
  const items = rest.slice(0, limit)
  return { items, next: rest.length > limit ? keyOf(items.at(-1)!) : null }
}
