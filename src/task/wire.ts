/**
 * The wire rule as types: a message carries a schema's input form as JSON, handlers and results see its output form.
 * Contracts take these plain types as parameters, never a schema's own, so that mistakes read well.
 */
import type { Json } from '../core/json.ts'
import type { Schema, SchemaInput, SchemaOutput } from '../core/schema.ts'

type NotJson =
  | bigint
  | symbol
  | Date
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ((...args: never) => unknown)

// `Json` is tried first: a recursive JSON type would never end otherwise.
type OnWire<T> = [T] extends [Json]
  ? T
  : unknown extends T
    ? T
    : T extends NotJson
      ? never
      : T extends object
        ? { [K in keyof T]: OnWire<T[K]> }
        : T

/** Nothing to add for a schema whose input side is JSON; for another, a property that says what is wrong. */
export type JsonInput<X> = X extends Schema
  ? [SchemaInput<X>] extends [OnWire<SchemaInput<X>>]
    ? unknown
    : { 'input side is not JSON (Date, Map, Set, bigint): use its string form, e.g. z.iso.datetime()': never }
  : unknown

/** The wire form of what a schema, or none, describes. */
export type In<X> = X extends Schema ? SchemaInput<X> : void

/** The parsed form of what a schema, or none, describes. */
export type Out<X> = X extends Schema ? SchemaOutput<X> : void

// Promise, not PromiseLike: a wrong return then reads in three lines, not thirteen.
export type Awaitable<T> = T | Promise<T>
