/**
 * The end of a message whose holder is no handler of this process but a client that settles it: checked against the contract as
 * a handler's outcome is, and with the same changes beside it.
 */
import type { Change } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import type { StoredMessage } from '../core/message.ts'
import { describeIssues, validate, type Schema } from '../core/schema.ts'
import type { Ended } from '../delivery/binding.ts'
import { endingChanges, fromEnded, type EndingDeps } from '../operation/index.ts'
import type { Definition } from './definition.ts'

/**
 * What to add to the commit that settles. Nothing for a queue, which has no operations.
 * @param definition the contract where it is known here; without it nothing is checked
 * @throws PosthornError `invalid-outcome` where the output, or one of the task's own errors, does not match its schema
 */
export async function endingBySettle(
  deps: EndingDeps,
  definition: Definition | undefined,
  stored: StoredMessage,
  ended: Ended,
): Promise<readonly Change[]> {
  const operation = fromEnded(stored, ended, deps.clock)
  if (definition === undefined) return endingChanges(deps, stored, operation)
  if (ended.status === 'succeeded' && definition.output !== null) {
    const parsed = await check(definition, definition.output, ended.value, 'the output')
    return endingChanges(deps, stored, operation, parsed)
  }
  if (ended.status === 'failed' && Object.hasOwn(definition.errors, ended.code)) {
    await check(definition, definition.errors[ended.code]!, ended.data, `the data of error '${ended.code}'`)
  }
  return endingChanges(deps, stored, operation)
}

async function check({ kind, name }: Definition, schema: Schema, value: unknown, what: string): Promise<unknown> {
  const parsed = await validate(schema, value)
  if (parsed.ok) return parsed.value
  throw new PosthornError(
    'invalid-outcome',
    `${what} does not match its schema in ${kind} '${name}': ${describeIssues(parsed.issues)}`,
    { details: { [kind]: name, issues: parsed.issues } },
  )
}
