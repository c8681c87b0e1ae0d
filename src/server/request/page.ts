/** Pages of a list: `limit` and `after` in, `items` and `next` out. */
import type { Veil } from '../../app/index.ts'
import { invalid, parseWhole } from './field.ts'

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

/** The same where the cursor holds what is hidden from apps. @throws PosthornError `invalid` */
export function readHiddenPage(url: URL, veil: Veil): PageQuery {
  const { limit, after } = readPage(url)
  const revealed = after === null ? null : veil.reveal('page', after)
  if (after !== null && revealed === null) throw invalid('after', after, 'the next of a page of this list')
  return { limit, after: revealed }
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
