/** What `post.work` and `testPost` are given, made plain: handlers, contracts, what ends them. A function is called for its own. */
import { PosthornError } from './core/error.ts'
import { checkKnown } from './core/option.ts'
import type { Forward, Source } from './event/index.ts'
import type { Work, WorkGiven, WorkParts } from './post.ts'
import { definitionOf, isTopic, topicDefinitionOf, type DeclareDeps, type Handler } from './task/index.ts'
import { declareRetention } from './topic/index.ts'

/** What the server shows although nothing here handles it. What topics keep is put in place. @throws PosthornError `invalid-option` */
export async function meetContracts(
  { registry, engine, log }: DeclareDeps,
  contracts: readonly unknown[],
): Promise<void> {
  for (const contract of contracts) {
    if (!isTopic(contract)) {
      registry.add(definitionOf(contract, 'one of contracts'))
      continue
    }
    const definition = topicDefinitionOf(contract, 'one of contracts')
    registry.addTopic(definition)
    if (definition.retention !== undefined)
      await declareRetention({ engine, log }, definition.name, definition.retention)
  }
}

/** Handlers apart from what gives them work. */
export interface SortedParts extends Omit<WorkParts, 'handlers'> {
  readonly handlers: readonly Handler[]
  /** Forwards, and sources that are only mounted. */
  readonly feeds: readonly (Forward | Source)[]
}

/** @throws PosthornError `invalid-module`, `invalid-option`, and what the function throws */
export async function partsOfWork(work: Work, given: WorkGiven): Promise<SortedParts> {
  const made: unknown = typeof work === 'function' ? await work(given) : work
  const parts = (Array.isArray(made) ? { handlers: made } : (made ?? {})) as Readonly<Record<string, unknown>>
  const { handlers, contracts, stop } = parts
  if (!Array.isArray(handlers))
    throw new PosthornError(
      'invalid-module',
      'work takes handlers, or a function that returns { handlers, contracts?, stop? }',
    )
  checkKnown('what work was given', parts, ['handlers', 'contracts', 'stop'])
  if (contracts !== undefined && !Array.isArray(contracts))
    throw new PosthornError('invalid-module', 'the contracts that work was given are no array')
  if (stop !== undefined && typeof stop !== 'function')
    throw new PosthornError('invalid-module', 'the stop that work was given is no function')
  return {
    ...parts,
    handlers: handlers.filter((each) => !isFeed(each)) as Handler[],
    feeds: handlers.filter(isFeed),
  }
}

/** What stands beside handlers and is none: `forward(…)`, or a source to mount. */
export function isFeed(value: unknown): value is Forward | Source {
  const { kind } = (value ?? {}) as { readonly kind?: unknown }
  return kind === 'forward' || kind === 'source'
}
