/**
 * What a contract says, checked and resolved once where it is declared. Contracts carry it under a registered symbol, so that
 * users see a name and a kind, and two copies of the package understand each other's contracts.
 */
import { parseDuration } from '../core/duration.ts'
import { isErrorCode, PosthornError } from '../core/error.ts'
import { checkName, isName } from '../core/name.ts'
import { isSchema, type Schema } from '../core/schema.ts'
import type { RetryPolicy } from '../delivery/binding.ts'
import { eventTypeOf, taskQueue } from '../operation/index.ts'
import type { SettingsChange } from '../queue/index.ts'
import type { Upcast } from './contract.ts'
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'
import { resolveRetry } from './retry.ts'
import { resolveQueueOptions } from './settings.ts'

const BRAND = Symbol.for('posthorn.contract')

export type Policy = (input: unknown) => string | undefined

export interface Definition {
  /** `event`: one type of a topic's events · `subscription`: what a handler of a topic's events says. */
  readonly kind: 'task' | 'queue' | 'event' | 'subscription'
  readonly name: string
  /** Where its messages are; of an event the topic's name. */
  readonly queue: string
  readonly eventType: string
  readonly version: number
  readonly input: Schema | null
  readonly output: Schema | null
  readonly errors: Readonly<Record<string, Schema>>
  readonly upcast: ReadonlyMap<number, Upcast>
  readonly retry: RetryPolicy
  readonly timeoutMs: number | null
  readonly key: Policy | null
  readonly group: Policy | null
  readonly dedupe: Policy | null
  /** What it declares of its queue's settings; null: nothing. */
  readonly settings: SettingsChange | null
}

const SHARED = ['version', 'upcast', 'retry', 'timeout', 'key', 'group', 'dedupe', 'queue']
const KNOWN = { task: ['input', 'output', 'errors', ...SHARED], queue: ['data', ...SHARED] }

/** @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration` */
export function defineContract(
  kind: 'task' | 'queue',
  name: string,
  given: object,
): { readonly kind: 'task' | 'queue'; readonly name: string } {
  checkName(name, `the name of the ${kind}`)
  const field = `${kind} '${name}'`
  if (!isPlain(given)) throw invalidOption(field, 'options', given, 'an object')
  checkKnown(field, given, KNOWN[kind])
  const definition = resolve(kind, name, field, given)
  return Object.freeze(Object.defineProperty({ kind, name }, BRAND, { value: definition }))
}

/** @throws PosthornError `invalid-option` where the value is no contract */
export function definitionOf(contract: unknown, field = 'the contract'): Definition {
  const definition =
    typeof contract === 'object' && contract !== null ? (contract as Record<symbol, unknown>)[BRAND] : undefined
  if (definition === undefined)
    throw new PosthornError(
      'invalid-option',
      `${field} is ${describeContract(contract)}: it must be made by task() or queue()`,
      { details: { field } },
    )
  return definition as Definition
}

function resolve(kind: 'task' | 'queue', name: string, field: string, given: Record<string, unknown>): Definition {
  const queue = kind === 'task' ? taskQueue(name) : name
  const version = resolveVersion(field, given['version'])
  return {
    kind,
    name,
    queue,
    eventType: eventTypeOf(queue),
    version,
    input: resolveSchema(field, kind === 'task' ? 'input' : 'data', kind === 'task' ? given['input'] : given['data']),
    output: resolveSchema(field, 'output', given['output']),
    errors: resolveErrors(field, given['errors']),
    upcast: resolveUpcast(field, version, given['upcast']),
    retry: resolveRetry(field, given['retry']),
    timeoutMs: resolveTimeout(field, given['timeout']),
    key: resolvePolicy(field, 'key', given['key']),
    group: resolvePolicy(field, 'group', given['group']),
    dedupe: resolvePolicy(field, 'dedupe', given['dedupe']),
    settings: resolveQueueOptions(field, given['queue']),
  }
}

export function resolveVersion(field: string, given: unknown): number {
  if (given === undefined) return 1
  if (!Number.isSafeInteger(given) || (given as number) < 1)
    throw invalidOption(field, 'version', given, 'a whole number of at least 1')
  return given as number
}

export function resolveSchema(field: string, option: string, given: unknown): Schema | null {
  if (given === undefined && option !== 'data') return null
  if (!isSchema(given))
    throw invalidOption(field, option, given, 'a Standard Schema, as Zod, Valibot and ArkType make them')
  return given
}

function resolveErrors(field: string, given: unknown): Readonly<Record<string, Schema>> {
  if (given === undefined) return {}
  if (!isPlain(given)) throw invalidOption(field, 'errors', given, 'an object of schemas by error code')
  for (const [code, schema] of Object.entries(given)) {
    if (!isName(code)) throw invalidOption(field, 'errors', code, "codes of letters, digits, '.', '_' and '-'")
    if (isErrorCode(code))
      throw invalidOption(field, 'errors', code, "a code of the task's own, and this is one of Posthorn's")
    resolveSchema(field, `errors.${code}`, schema ?? null)
  }
  return given as Record<string, Schema>
}

export function resolveUpcast(field: string, version: number, given: unknown): ReadonlyMap<number, Upcast> {
  if (given === undefined) return new Map()
  if (!isPlain(given))
    throw invalidOption(field, 'upcast', given, 'an object of functions by the version that they take')
  return new Map(
    Object.entries(given).map(([key, upcast]) => {
      const from = Number(key)
      if (!Number.isSafeInteger(from) || from < 1 || from >= version)
        throw invalidOption(
          field,
          'upcast',
          key,
          `versions from 1 to ${version - 1}, below the contract's own (${version})`,
        )
      if (typeof upcast !== 'function')
        throw invalidOption(field, `upcast.${key}`, upcast, 'a function from the old input to the next version of it')
      return [from, upcast as Upcast]
    }),
  )
}

export function resolveTimeout(field: string, given: unknown): number | null {
  if (given === undefined) return null
  const ms = parseDuration(given as number, `${field}: timeout`)
  if (ms === 0) throw invalidOption(field, 'timeout', given, 'longer than 0; leave it out for none')
  return ms
}

export function resolvePolicy(field: string, option: string, given: unknown): Policy | null {
  if (given === undefined) return null
  if (typeof given !== 'function')
    throw invalidOption(field, option, given, 'a function of the parsed input that returns a text')
  return given as Policy
}

export function describeContract(contract: unknown): string {
  const { kind, name } = (typeof contract === 'object' && contract !== null ? contract : {}) as {
    readonly kind?: unknown
    readonly name?: unknown
  }
  return typeof kind === 'string' && typeof name === 'string'
    ? `a ${kind} named '${name}'`
    : contract === null
      ? 'null'
      : `of type ${typeof contract}`
}
