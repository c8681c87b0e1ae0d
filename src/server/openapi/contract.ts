/** What users' contracts say as JSON Schema: through Standard JSON Schema where the library offers it, else a schema that takes anything. */
import type { Schema } from '../../core/schema.ts'
import type { JsonSchema } from './json-schema.ts'

interface Converter {
  readonly input: (options: { readonly target: string }) => JsonSchema
}

/**
 * The wire form of a schema: its input side.
 * @param urn names it, so that its own references (`#/$defs/…`) stay its own inside another document
 */
export function toJsonSchema(schema: Schema | null, urn: string): JsonSchema | null {
  if (schema === null) return null
  const converter = (schema['~standard'] as { readonly jsonSchema?: Converter }).jsonSchema
  try {
    const { $schema: _, ...converted } = converter?.input({ target: 'draft-2020-12' }) ?? {}
    return JSON.stringify(converted).includes('"$ref"') ? { $id: urn, ...converted } : converted
  } catch {
    // The library cannot say it (a transform at the input side): anything may come, and the schema itself decides.
    return {}
  }
}
