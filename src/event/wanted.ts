/** Which of a source's events somebody wants: as types, and at run time. Patterns are those of topics. */
import { isPosthornError } from '../core/error.ts'
import { compileTypes } from '../core/filter.ts'
import { invalidOption } from '../core/option.ts'
import type { Matching } from '../topic/index.ts'

/** The pattern itself, or a sentence that says why it cannot be meant. */
export type CheckedTypes<Name extends string, Events, P extends string> = P extends P
  ? [Matching<Events, P>] extends [never]
    ? `source '${Name}' has no event type matching '${P}'`
    : P
  : never

/** A source that does not say which types there are has any. */
export type Wanted<Events, P extends string> = string extends keyof Events ? string : Matching<Events, P> & keyof Events

/** @throws PosthornError `invalid-option` */
export function resolveTypes(field: string, types: unknown): (type: string) => boolean {
  if (types === undefined) return () => true
  const list: unknown = typeof types === 'string' ? [types] : types
  if (!Array.isArray(list) || list.length === 0)
    throw invalidOption(field, 'types', types, "a pattern like 'order.*', or a list of them")
  try {
    return compileTypes(list as readonly string[])
  } catch (error) {
    throw isPosthornError(error) ? invalidOption(field, 'types', types, `patterns: ${error.message}`) : error
  }
}
