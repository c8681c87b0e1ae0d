/**
 * Validation through any Standard Schema (https://standardschema.dev). The wire carries a schema's *input* form as JSON;
 * handlers and results see its *output* form.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { toPromise } from './thenable.ts'

export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>

/** What a schema takes: its wire form. */
export type SchemaInput<X extends Schema> = StandardSchemaV1.InferInput<X>

/** What a schema gives. */
export type SchemaOutput<X extends Schema> = StandardSchemaV1.InferOutput<X>

export interface SchemaIssue {
  readonly message: string
  readonly path: readonly (string | number)[]
}

export type SchemaResult<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly issues: readonly SchemaIssue[] }

/** Never throws: a validator that throws is a failed validation. Synchronous where the schema is. */
export function validate<Output>(
  schema: Schema<unknown, Output>,
  value: unknown,
): SchemaResult<Output> | Promise<SchemaResult<Output>> {
  try {
    const result = schema['~standard'].validate(value)
    const late = toPromise(result)
    return late === null ? toResult(result as StandardSchemaV1.Result<Output>) : late.then(toResult).catch(toFailure)
  } catch (error) {
    return toFailure(error)
  }
}

export function isSchema(value: unknown): value is Schema {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && '~standard' in value
}

/** A large input can be wrong in as many places as it has bytes. */
const MOST_DESCRIBED = 20

/** One line for people: `owner: expected string`. */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  const shown = issues
    .slice(0, MOST_DESCRIBED)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ')
  return issues.length > MOST_DESCRIBED ? `${shown}; and ${issues.length - MOST_DESCRIBED} more` : shown
}

function toResult<Output>(result: StandardSchemaV1.Result<Output>): SchemaResult<Output> {
  if (result.issues === undefined) return { ok: true, value: result.value }
  return {
    ok: false,
    issues: result.issues.map(({ message, path }) => ({
      message,
      path: Array.from(path ?? [], (segment) => {
        const key = typeof segment === 'object' ? segment.key : segment
        return typeof key === 'number' ? key : String(key)
      }),
    })),
  }
}

function toFailure(error: unknown): { readonly ok: false; readonly issues: readonly SchemaIssue[] } {
  return { ok: false, issues: [{ message: error instanceof Error ? error.message : String(error), path: [] }] }
}
