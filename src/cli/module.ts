/**
 * Loads the module given to `serve` and `work`: it default-exports handlers, or a function that makes what they depend on and
 * returns them. It never opens an engine: the command does, and hands over the `post`.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Part, Post, Work, WorkGiven, WorkParts } from '../posthorn.ts'
import { CommandError } from './exit.ts'

/** What may stand in the list. */
const KINDS: readonly unknown[] = ['handler', 'forward', 'source']
const SHAPE =
  'It must default-export handlers, `export default [handle(…), …]`, or `async ({ post, signal }) => ({ handlers, contracts?, stop? })`.'

/** @throws CommandError `not-found` or `usage`: no such file, it fails as it loads, it exports something else */
export async function loadModule(path: string, cwd: string): Promise<Work> {
  const file = resolve(cwd, path)
  if (!existsSync(file))
    throw new CommandError('not-found', 'invalid-module', `there is no module '${path}'`, [`Looked for ${file}.`])
  const namespace = await importModule(file, path)
  const exported: unknown = namespace['default']
  if (typeof exported === 'function')
    return (given) => makeParts(exported as (given: WorkGiven) => unknown, given, path)
  checkHandlers(exported, path, namespace)
  return exported
}

/** The same module with none of its handlers run: only their contracts become known, for the server to validate by and to show. */
export function withoutHandlers(work: Work, post: Post): Work {
  return async (given) => {
    const made = typeof work === 'function' ? await work(given) : work
    const { handlers, ...rest } = 'handlers' in made ? made : { handlers: made }
    const [{ internalsOf }, { handlerDefinitionOf }] = await Promise.all([
      import('../posthorn.ts'),
      import('../task/index.ts'),
    ])
    const internals = internalsOf(post)
    for (const [at, handler] of handlers.filter(({ kind }) => kind === 'handler').entries()) {
      const { definition, declare } = handlerDefinitionOf(handler, `handler ${at}`)
      internals.registry.add(definition)
      await declare?.(internals)
    }
    return { ...rest, handlers: [] }
  }
}

/** Asks the function form for its handlers. */
async function makeParts(make: (given: WorkGiven) => unknown, given: WorkGiven, path: string): Promise<WorkParts> {
  let made: unknown
  try {
    made = await make(given)
  } catch (error) {
    throw new CommandError(
      'failed',
      'invalid-module',
      `the function that module '${path}' exports failed: ${messageOf(error)}`,
      stackOf(error),
      error,
    )
  }
  if (Array.isArray(made)) made = { handlers: made }
  const { handlers, contracts, stop } = (made ?? {}) as Record<string, unknown>
  checkHandlers(handlers, path, null)
  if (contracts !== undefined && !Array.isArray(contracts))
    throw wrong(path, `returns contracts that are ${describe(contracts)}, not an array`)
  if (stop !== undefined && typeof stop !== 'function')
    throw wrong(path, `returns a stop that is ${describe(stop)}, not a function`)
  return made as WorkParts
}

async function importModule(file: string, path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>
  } catch (error) {
    const { code } = error as { readonly code?: unknown }
    const hints =
      code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX'
        ? ['Node runs TypeScript by removing the types: no enums, namespaces or parameter properties.']
        : stackOf(error)
    throw new CommandError(
      'usage',
      'invalid-module',
      `module '${path}' cannot be loaded: ${messageOf(error)}`,
      hints,
      error,
    )
  }
}

function checkHandlers(
  handlers: unknown,
  path: string,
  namespace: Record<string, unknown> | null,
): asserts handlers is readonly Part[] {
  const place = namespace === null ? 'the function it exports returns' : 'it exports as default'
  if (handlers === undefined && namespace !== null) {
    const names = Object.keys(namespace).map((name) => `'${name}'`)
    throw wrong(path, `has no default export${names.length === 0 ? '' : ` (it has ${names.join(', ')})`}`)
  }
  if (!Array.isArray(handlers))
    throw wrong(
      path,
      `is no module of handlers: ${place} ${describe(handlers)}${namespace === null ? ' for handlers' : ''}`,
    )
  const at = handlers.findIndex((part) => !KINDS.includes((part as { kind?: unknown } | null)?.kind))
  if (at >= 0)
    throw wrong(
      path,
      `is no module of handlers: element ${at} of what ${place} is ${describe(handlers[at])}, not what handle(…) or forward(…) makes`,
    )
}

const wrong = (path: string, what: string): CommandError =>
  new CommandError('usage', 'invalid-module', `module '${path}' ${what}`, [SHAPE])

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value !== 'object')
    return typeof value === 'function' ? 'a function' : `the ${typeof value} ${JSON.stringify(value)}`
  const { kind, name } = value as { readonly kind?: unknown; readonly name?: unknown }
  if (typeof kind === 'string') return `a ${kind}${typeof name === 'string' ? ` '${name}'` : ''}`
  return Array.isArray(value) ? 'an array' : 'an object'
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The lines of the stack that are the user's own. */
function stackOf(error: unknown): string[] {
  const lines = error instanceof Error && error.stack !== undefined ? error.stack.split('\n') : []
  return lines
    .filter((line) => /^\s+at /.test(line) && !line.includes('node:internal'))
    .slice(0, 3)
    .map((line) => line.trim())
}
