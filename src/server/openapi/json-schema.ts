/** JSON Schema (2020-12) as the routes write it. */

export type JsonSchema = Readonly<Record<string, unknown>>

/** Schemas by the names that the document gives them. */
export type Components = Readonly<Record<string, JsonSchema>>

export const ref = (component: string): JsonSchema => ({ $ref: `#/components/schemas/${component}` })

export const text = (description?: string): JsonSchema => ({
  type: 'string',
  ...(description === undefined ? {} : { description }),
})

export const time: JsonSchema = { type: 'string', format: 'date-time' }

export const uuid: JsonSchema = { type: 'string', format: 'uuid' }

export const duration: JsonSchema = {
  type: 'string',
  pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$',
  description: "A number with a unit: '250ms', '30s', '5m', '2h', '7d'.",
}

export const count: JsonSchema = { type: 'integer', minimum: 0 }

export const whole = (minimum: number, maximum: number, fallback?: number): JsonSchema => ({
  type: 'integer',
  minimum,
  maximum,
  ...(fallback === undefined ? {} : { default: fallback }),
})

export const list = (items: JsonSchema, maxItems?: number): JsonSchema => ({
  type: 'array',
  items,
  ...(maxItems === undefined ? {} : { maxItems }),
})

export const orNull = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] })

/** An object: every property is required but those that are named as optional. Answers may grow, requests may not. */
export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  options: { readonly optional?: readonly string[]; readonly closed?: boolean; readonly description?: string } = {},
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !(options.optional ?? []).includes(name))
  return {
    type: 'object',
    ...(options.description === undefined ? {} : { description: options.description }),
    properties,
    ...(required.length === 0 ? {} : { required }),
    ...(options.closed === true ? { additionalProperties: false } : {}),
  }
}

/** An object of which nothing is required and nothing else is known: a request whose fields have defaults. */
export const options = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema =>
  object(properties, { optional: Object.keys(properties), closed: true })

export const page = (items: JsonSchema): JsonSchema =>
  object({ items: list(items), next: orNull(text('For `after`: the next page. Null: there is no more.')) })

/** What may be written of a resource, with what is shown beside it: that is ignored, so that what was read can be changed and written back. */
export const writable = (
  settings: Readonly<Record<string, JsonSchema>>,
  shown: Readonly<Record<string, JsonSchema>>,
): JsonSchema => ({
  ...options({
    ...Object.fromEntries(Object.entries(shown).map(([name, schema]) => [name, { ...schema, readOnly: true }])),
    ...settings,
  }),
  description: 'What is read-only is ignored, so that what was read can be changed and written back.',
})
