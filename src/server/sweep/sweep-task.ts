/**
 * Redrive and purge as durable tasks of Posthorn's own: their operations have progress, can be cancelled and go on after a
 * restart. What a run has done before a crash is not undone by running again: it works on what is still there.
 */
import { PosthornError } from '../../core/error.ts'
import { checkQueueName } from '../../core/name.ts'
import { REPORT_QUEUE } from '../../operation/index.ts'
import type { Post } from '../../posthorn.ts'
import type { Match, Swept } from '../../queue/index.ts'
import { handle, task, type Context, type Handler, type Task } from '../../task/index.ts'
import { toEngineMatch, type MatchInput } from '../message/match.ts'
import { asMade, RATE, readBy } from '../own-task.ts'
import { Fields } from '../request/field.ts'

export const PURGE_STATES = ['arrived', 'ready', 'held', 'delayed', 'dead', 'waiting'] as const

export interface RedriveInput {
  readonly queue: string
  readonly match?: MatchInput | undefined
  readonly max?: number | undefined
  readonly ratePerSecond?: number | undefined
}

export interface PurgeInput {
  readonly queue: string
  readonly state: (typeof PURGE_STATES)[number]
}

const MAX = { min: 1, max: Number.MAX_SAFE_INTEGER }

export const redriveTask: Task<RedriveInput, Swept> = task('system.redrive', {
  input: readBy(readRedrive),
  output: asMade<Swept>(),
})
export const purgeTask: Task<PurgeInput, Swept> = task('system.purge', {
  input: readBy(readPurge),
  output: asMade<Swept>(),
})

export function sweepHandlers(post: Post): readonly Handler[] {
  return [
    handle(redriveTask, (input, ctx) => redrive(post, input, ctx), { concurrency: 4 }),
    handle(purgeTask, (input, ctx) => purge(post, input, ctx), { concurrency: 4 }),
  ]
}

/** @throws PosthornError `invalid`, `invalid-name` */
export function readRedrive(value: unknown): RedriveInput {
  const fields = new Fields(value, ['queue', 'match', 'max', 'ratePerSecond'])
  const queue = checkSwept(fields.raw('queue'))
  if (fields.has('match')) toEngineMatch(fields.raw('match'), 'match')
  return {
    queue,
    match: fields.raw('match') as MatchInput | undefined,
    max: fields.whole('max', MAX, undefined),
    ratePerSecond: fields.number('ratePerSecond', RATE, undefined),
  }
}

/** @throws PosthornError `invalid`, `invalid-name` */
export function readPurge(value: unknown): PurgeInput {
  const fields = new Fields(value, ['queue', 'state'])
  const state = fields.oneOf('state', PURGE_STATES, null)
  if (state === null)
    throw new PosthornError('invalid', `state is missing: it must be one of ${PURGE_STATES.join(', ')}`, {
      details: { field: 'state' },
    })
  return { queue: checkSwept(fields.raw('queue')), state }
}

/** @throws PosthornError `invalid-name`, `forbidden-queue` for the queue that ends operations */
function checkSwept(value: unknown): string {
  const queue = checkQueueName(value, 'queue')
  if (queue === REPORT_QUEUE)
    throw new PosthornError('forbidden-queue', `'${queue}' is Posthorn's own`, { details: { queue } })
  return queue
}

/** How many a redrive would move. */
export async function countRedrive(post: Post, { queue, match, max }: RedriveInput): Promise<number> {
  const { matched } = await post
    .queue(queue)
    .redrive({ match: toDates(match), ...(max === undefined ? {} : { max }), dryRun: true })
  return matched
}

async function redrive(post: Post, input: RedriveInput, ctx: Context): Promise<Swept> {
  const { queue, match, max, ratePerSecond } = input
  const total = await countRedrive(post, input)
  return post.queue(queue).redrive({
    match: toDates(match),
    max,
    rate: ratePerSecond,
    signal: ctx.signal,
    onProgress: (swept) => tell(ctx, swept, total),
  })
}

async function purge(post: Post, { queue, state }: PurgeInput, ctx: Context): Promise<Swept> {
  const depth = await post.queue(queue).depth()
  const total =
    depth === null ? 0 : state === 'waiting' ? depth.arrived + depth.ready + depth.held + depth.delayed : depth[state]
  return post.queue(queue).purge({ state, signal: ctx.signal, onProgress: (swept) => tell(ctx, swept, total) })
}

function tell(ctx: Context, { matched, moved }: Swept, total: number): void {
  ctx.progress(total === 0 ? 1 : Math.min(1, matched / total), `${moved} moved`)
}

function toDates(match: MatchInput | undefined): Match | undefined {
  if (match === undefined) return undefined
  const { before, since, ...rest } = match
  return {
    ...rest,
    ...(before === undefined ? {} : { before: new Date(before) }),
    ...(since === undefined ? {} : { since: new Date(since) }),
  }
}
