/** What `post.work` and `testPost` are given, made plain: handlers, contracts, what ends them. A function is called for its own. */
import { PosthornError } from './core/error.ts'
import { checkKnown } from './core/option.ts'
import type { Work, WorkGiven, WorkParts } from './post.ts'

/** @throws PosthornError `invalid-module`, `invalid-option`, and what the function throws */
export async function partsOfWork(work: Work, given: WorkGiven): Promise<WorkParts> {
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
  return parts as unknown as WorkParts
}
