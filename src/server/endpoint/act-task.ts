/** What is done with an endpoint that takes its time, as durable tasks of Posthorn's own: handled by whoever delivers. */
import type { Delivering, Drill, Redelivered, Verified } from '../../callback/index.ts'
import { PosthornError } from '../../core/error.ts'
import type { Post } from '../../posthorn.ts'
import { handle, task, type Handler, type Task } from '../../task/index.ts'
import { asMade, RATE, readBy } from '../own-task.ts'
import { Fields, parseTime } from '../request/field.ts'

export interface EndpointInput {
  readonly endpoint: string
}

export interface RedeliverInput extends EndpointInput {
  readonly message?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly failedOnly?: boolean | undefined
  readonly ratePerSecond?: number | undefined
}

export const redeliverTask: Task<RedeliverInput, Redelivered> = task('system.endpoint-redeliver', {
  input: readBy(readRedeliver),
  output: asMade<Redelivered>(),
})
export const verifyTask: Task<EndpointInput, Verified> = task('system.endpoint-verify', {
  input: readBy(readEndpointInput),
  output: asMade<Verified>(),
  retry: { attempts: 1 },
})
export const drillTask: Task<EndpointInput, Drill> = task('system.endpoint-drill', {
  input: readBy(readEndpointInput),
  output: asMade<Drill>(),
  retry: { attempts: 1 },
})

export function endpointHandlers(post: Post, delivering: () => Promise<Delivering>): readonly Handler[] {
  return [
    handle(
      redeliverTask,
      (input, ctx) =>
        post.endpoints.redeliver(input.endpoint, {
          ...toOptions(input),
          signal: ctx.signal,
          onProgress: ({ sent }) => ctx.progress(0, `${sent} sent`),
        }),
      { concurrency: 4 },
    ),
    handle(verifyTask, async (input) => (await delivering()).verify(input.endpoint), { concurrency: 4 }),
    handle(drillTask, async (input) => (await delivering()).drill(input.endpoint), { concurrency: 4 }),
  ]
}

/** @throws PosthornError `invalid` */
export function readRedeliver(value: unknown): RedeliverInput {
  const fields = new Fields(value, ['endpoint', 'message', 'since', 'until', 'failedOnly', 'ratePerSecond'])
  for (const name of ['since', 'until']) if (fields.has(name)) parseTime(fields.raw(name), name)
  const message = fields.text('message', undefined, 36)
  if (message === undefined && !fields.has('since') && !fields.flag('failedOnly', false))
    throw new PosthornError('invalid', "since is missing: say from when on, or 'failedOnly', or one 'message'", {
      details: { field: 'since' },
    })
  return {
    endpoint: readEndpointInput({ endpoint: fields.raw('endpoint') }).endpoint,
    message,
    since: fields.raw('since') as string | undefined,
    until: fields.raw('until') as string | undefined,
    failedOnly: fields.flag('failedOnly', undefined),
    ratePerSecond: fields.number('ratePerSecond', RATE, undefined),
  }
}

export function toOptions({
  message,
  since,
  until,
  failedOnly,
  ratePerSecond,
}: RedeliverInput): Parameters<Post['endpoints']['redeliver']>[1] {
  return {
    ...(message === undefined ? {} : { message }),
    ...(since === undefined ? {} : { since: new Date(since) }),
    ...(until === undefined ? {} : { until: new Date(until) }),
    ...(failedOnly === undefined ? {} : { failedOnly }),
    ...(ratePerSecond === undefined ? {} : { rate: ratePerSecond }),
  }
}

function readEndpointInput(value: unknown): EndpointInput {
  const endpoint = new Fields(value, ['endpoint']).text('endpoint', null, 200)
  if (endpoint === null) throw new PosthornError('invalid', 'endpoint is missing', { details: { field: 'endpoint' } })
  return { endpoint }
}
