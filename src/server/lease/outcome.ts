/** What a client says became of a message that it holds: read and checked, before anything is settled. */
import { PosthornError } from '../../core/error.ts'
import { taskOfQueue } from '../../operation/index.ts'
import { object, text, whole, type JsonSchema } from '../openapi/json-schema.ts'
import { type Bounds, Fields } from '../request/field.ts'
import { LEASE_SECONDS } from './lease.ts'
import type { Holding } from './token.ts'

export const DELAY_SECONDS: Bounds = { min: 0, max: 366 * 86_400 }
const ACTS = ['ack', 'retry', 'release', 'bury', 'extend'] as const
export type Act = (typeof ACTS)[number]
/** Which fields go with which act. */
const FIELDS: Readonly<Record<Act, readonly string[]>> = {
  ack: ['output'],
  retry: ['delaySeconds', 'reason'],
  release: ['delaySeconds'],
  bury: ['reason', 'error'],
  extend: ['leaseSeconds'],
}

export const outcomeSchema: JsonSchema = object(
  {
    token: text(),
    do: { enum: ACTS },
    delaySeconds: {
      type: 'number',
      minimum: DELAY_SECONDS.min,
      maximum: DELAY_SECONDS.max,
      description: 'With retry and release. Default for retry: by the policy of the contract or the queue.',
    },
    reason: text('With retry and bury: for people.'),
    leaseSeconds: { ...whole(LEASE_SECONDS.min, LEASE_SECONDS.max, 30), description: 'With extend.' },
    output: { description: 'With ack on a task: its output.' },
    error: {
      ...object({ code: text(), data: {}, message: text() }, { optional: ['data', 'message'], closed: true }),
      description: 'With bury on a task: one of its own errors.',
    },
  },
  { optional: ['delaySeconds', 'reason', 'leaseSeconds', 'output', 'error'], closed: true },
)

export interface Outcome {
  readonly at: number
  readonly text: string
  readonly act: Act
  readonly fields: Fields
  /** Null: not a token of this queue and principal. */
  readonly holding: Holding | null
}

export function readOutcome(value: unknown, at: number, unwrap: (text: string) => Holding | null): Outcome {
  const place = `outcomes[${at}]`
  const fields = new Fields(value, ['token', 'do', ...Object.values(FIELDS).flat()], place)
  const token = fields.text('token', null)
  const act = fields.oneOf('do', ACTS, null)
  if (token === null || act === null)
    throw new PosthornError('invalid', `${place} must have a token and what to do`, { details: { field: place } })
  for (const field of Object.values(FIELDS).flat()) {
    if (fields.has(field) && !FIELDS[act].includes(field))
      throw new PosthornError('invalid', `${fields.name(field)} does not go with '${act}'`, {
        details: { field: fields.name(field) },
      })
  }
  return { at, text: token, act, fields, holding: unwrap(token) }
}

export function checkFields(queue: string, { act, fields }: Outcome): void {
  if (act === 'extend') fields.whole('leaseSeconds', LEASE_SECONDS, 30)
  if (act === 'retry' || act === 'release') fields.number('delaySeconds', DELAY_SECONDS, 0)
  fields.text('reason', null)
  if (taskOfQueue(queue) !== null) return
  for (const field of ['output', 'error'])
    if (fields.has(field))
      throw new PosthornError(
        'invalid',
        `${fields.name(field)}: only messages of tasks have an outcome of their own, and '${queue}' is no task's queue`,
        { details: { field: fields.name(field) } },
      )
}
