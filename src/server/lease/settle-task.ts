/** What a client's outcome says of a task: how its operation ends, checked against the contract before anything is settled. */
import type { Change } from '../../core/engine.ts'
import { ERRORS, PosthornError } from '../../core/error.ts'
import type { StoredMessage } from '../../core/message.ts'
import type { Ended } from '../../delivery/binding.ts'
import { endingBySettle } from '../../task/index.ts'
import { Fields } from '../request/field.ts'
import type { ServerDeps } from '../route/call.ts'

/**
 * What ends the operation, for the commit that settles its message; nothing where the message is not there any more.
 * @param place of the outcome, for messages: `outcomes[3]`
 * @throws PosthornError `invalid-outcome`, with `issues` where the contract's schema has any
 */
export async function endingOf(
  { ending, registry }: ServerDeps,
  queue: string,
  stored: StoredMessage | null,
  ended: Ended,
  place: string,
): Promise<readonly Change[]> {
  if (stored === null) return []
  try {
    return await endingBySettle(ending, registry.get(queue), stored, ended)
  } catch (error) {
    if (!(error instanceof PosthornError)) throw error
    throw new PosthornError(error.code, `${place}: ${error.message}`, { details: error.details })
  }
}

/** The end that a `bury` means: one of the task's own errors, or Posthorn's `buried`. @throws PosthornError `invalid`, `invalid-outcome` */
export function readBuried(
  { registry }: ServerDeps,
  queue: string,
  fields: Fields,
): Extract<Ended, { status: 'failed' }> {
  const reason = fields.text('reason', null)
  if (!fields.has('error'))
    return {
      status: 'failed',
      state: 'dead',
      code: 'buried',
      message: reason ?? 'its holder buried it',
      data: undefined,
    }
  const error = new Fields(fields.raw('error'), ['code', 'data', 'message'], fields.name('error'))
  const code = error.text('code', null, 100)
  if (code === null)
    throw new PosthornError('invalid', `${error.name('code')} is missing`, { details: { field: error.name('code') } })
  const definition = registry.get(queue)
  if (definition === undefined ? Object.hasOwn(ERRORS, code) : !Object.hasOwn(definition.errors, code)) {
    const known =
      definition === undefined
        ? "a code of the task's own, and not one of Posthorn's"
        : Object.keys(definition.errors).join(', ') || 'none: the task declares no errors'
    throw new PosthornError('invalid-outcome', `${error.name('code')} is '${code}': it must be ${known}`, {
      details: { field: error.name('code') },
    })
  }
  return {
    status: 'failed',
    state: 'dead',
    code,
    message: error.text('message', reason ?? code),
    data: error.raw('data'),
  }
}
