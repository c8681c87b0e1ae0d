/** Checks a set of handlers as a whole and makes the bindings that a worker serves; what contracts declare of their queues is put in place. */
import type { Engine } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import type { Binding } from '../delivery/binding.ts'
import { declareSettings } from '../queue/index.ts'
import { handlerDefinitionOf, type DeclareDeps } from './handle.ts'
import { checkJoins } from './join.ts'
import { bindingOf, type RunDeps } from './run.ts'

export interface BindDeps extends RunDeps, DeclareDeps {
  readonly engine: Engine
}

/** @throws PosthornError `invalid-module`, `duplicate-handler`, `invalid`, `unsupported`: then no handler runs, and what those before it declared stays */
export async function bindHandlers(deps: BindDeps, handlers: readonly unknown[]): Promise<readonly Binding[]> {
  const definitions = handlers.map((handler, at) => handlerDefinitionOf(handler, `handlers[${at}]`))
  const queues = new Set<string>()
  for (const { definition } of definitions) {
    if (queues.has(definition.queue))
      throw new PosthornError(
        'duplicate-handler',
        `queue '${definition.queue}' has two handlers: one worker runs one handler for each task and queue`,
        { details: { queue: definition.queue } },
      )
    queues.add(definition.queue)
  }
  for (const { definition, transaction } of definitions)
    if (transaction !== null) checkJoins(deps.engine, `the handler of '${definition.queue}': transaction`)
  for (const { definition, declare } of definitions) {
    deps.registry.add(definition)
    await declare?.(deps)
    if (definition.settings === null) continue
    const changed = await declareSettings(deps.engine, definition.queue, definition.settings)
    if (changed)
      deps.log.info(`the settings of queue '${definition.queue}' were changed to what its contract declares`, {
        queue: definition.queue,
      })
  }
  return definitions.map((handler) => bindingOf(deps, handler))
}
