/**
 * `POST /v1/queues/{queue}/settle`: what became of leased messages. Everything is checked before anything is settled; then
 * each outcome is a commit of its own, since one stale token must not hold back the others.
 */
import { backoffMs } from '../../core/backoff.ts'
import type { Change, Commit, CommitResult } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import type { StoredMessage } from '../../core/message.ts'
import type { Ended } from '../../delivery/binding.ts'
import { DEFAULT_RETRY } from '../../delivery/retry.ts'
import { taskOfQueue } from '../../operation/index.ts'
import { queueIn } from '../app/space.ts'
import { checkTarget } from '../message/outgoing.ts'
import { list, object, text } from '../openapi/json-schema.ts'
import { retryPolicyOf } from '../queue/resource.ts'
import type { HttpRetry } from '../queue/settings.ts'
import { Fields } from '../request/field.ts'
import { json, type Answer } from '../route/answer.ts'
import { jsonOf, type Call, type ServerDeps } from '../route/call.ts'
import type { Route } from '../route/route.ts'
import { LEASE_SECONDS } from './lease.ts'
import { checkFields, DELAY_SECONDS, outcomeSchema, readOutcome, type Act, type Outcome } from './outcome.ts'
import { endingOf, readBuried } from './settle-task.ts'

const MOST = 1_000
/** The words of `posthorn_runs_total`. */
const OUTCOMES: Readonly<Record<Act, string>> = {
  ack: 'done',
  retry: 'retry',
  release: 'released',
  bury: 'bury',
  extend: '',
}
export const settleRoute: Route = {
  method: 'POST',
  path: '/v1/queues/{queue}/settle',
  id: 'settleMessages',
  forApps: true,
  tag: 'messages',
  summary: 'Settle or extend leased messages',
  description:
    '`ok`: it is so now. `already`: this token was settled with this outcome before. `stale`: the lease is not held any more, or the token is not yours. `cancelRequested`: somebody asked that the work be given up.',
  body: {
    required: true,
    content: { 'application/json': object({ outcomes: list(outcomeSchema, MOST) }, { closed: true }) },
  },
  replies: {
    200: {
      description: 'One result per outcome, in order.',
      content: {
        'application/json': object({
          results: list(
            object(
              { token: text(), status: { enum: ['ok', 'already', 'stale'] }, cancelRequested: { type: 'boolean' } },
              { optional: ['cancelRequested'] },
            ),
          ),
        }),
      },
    },
  },
  problems: ['invalid', 'invalid-name', 'invalid-json', 'invalid-outcome', 'forbidden-queue', 'queue-not-found'],
  run: settle,
}

interface Result {
  readonly token: string
  status: 'ok' | 'already' | 'stale'
  cancelRequested?: boolean
}

async function settle(call: Call): Promise<Answer> {
  const { principal, veil } = call
  const queue = checkTarget(queueIn(principal, call.params['queue'], 'lease'))
  const { unwrap } = await call.deps.tokens()
  const wanted = new Fields(jsonOf(call), ['outcomes'])
    .list('outcomes', MOST)
    .map((value, at) => readOutcome(value, at, (text) => unwrap(veil.reveal('token', text) ?? '', queue, principal.id)))
  for (const each of wanted) checkFields(queue, each)
  const settling = wanted.filter(({ act, holding }) => act !== 'extend' && holding !== null)
  const commits = await prepare(call, queue, settling)
  const results: Result[] = wanted.map(({ text }) => ({ token: text, status: 'stale' }))
  await extend(call, wanted, results)
  const answers = commits.length === 0 ? [] : await call.deps.engine.commit(commits)
  for (const [index, { at, act, holding }] of settling.entries()) {
    const status = (results[at]!.status = statusOf(answers[index]!))
    if (status === 'ok') call.deps.metrics.settled(queue, OUTCOMES[act], call.deps.clock.wallMs() - holding!.leasedAt)
  }
  return json(200, { results })
}

async function extend({ deps }: Call, wanted: readonly Outcome[], results: Result[]): Promise<void> {
  const extending = wanted.filter(({ act, holding }) => act === 'extend' && holding !== null)
  for (const [leaseMs, group] of Map.groupBy(
    extending,
    ({ fields }) => fields.whole('leaseSeconds', LEASE_SECONDS, 30) * 1_000,
  )) {
    const answers = await deps.engine.extend(
      group.map(({ holding }) => holding!.token),
      leaseMs,
    )
    for (const [index, { at }] of group.entries()) {
      const answer = answers[index]!
      if (answer !== 'stale') results[at]!.status = 'ok'
      if (answer === 'cancel') results[at]!.cancelRequested = true
    }
  }
}

/** One commit per outcome, each checked to its end. */
async function prepare(call: Call, queue: string, settling: readonly Outcome[]): Promise<readonly Commit[]> {
  const stored = await findStored(call, queue, settling)
  const policy = settling.some(({ act }) => act === 'retry') ? await retryPolicyOf(call.deps, queue) : DEFAULT_RETRY
  const commits: Commit[] = []
  for (const each of settling) {
    const changes = await changesOf(call.deps, queue, each, stored.get(each.holding!.id) ?? null, policy)
    const id = call.deps.settled.idFor(each.text, each.act)
    commits.push(id === undefined ? { changes } : { id, changes })
  }
  return commits
}

function statusOf(result: CommitResult): Result['status'] {
  if (result.status === 'committed') return result.replayed ? 'already' : 'ok'
  if (result.code === 'stale') return 'stale'
  throw new PosthornError(result.code, result.detail)
}

/** The messages whose counts or operation matter to how they are settled. */
async function findStored(
  { deps }: Call,
  queue: string,
  settling: readonly Outcome[],
): Promise<ReadonlyMap<string, StoredMessage>> {
  const needed = taskOfQueue(queue) === null ? settling.filter(({ act }) => act === 'retry') : settling
  if (needed.length === 0) return new Map()
  const found = await deps.engine.find(needed.map(({ holding }) => ({ queue, id: holding!.id })))
  return new Map(found.flatMap((stored) => (stored === null ? [] : [[stored.id, stored] as const])))
}

async function changesOf(
  deps: ServerDeps,
  queue: string,
  { act, at, fields, holding }: Outcome,
  stored: StoredMessage | null,
  policy: HttpRetry,
): Promise<readonly Change[]> {
  const { token } = holding!
  const place = `outcomes[${at}]`
  const ends = (ended: Ended): Promise<readonly Change[]> | readonly Change[] =>
    taskOfQueue(queue) === null ? [] : endingOf(deps, queue, stored, ended, place)
  const delaySeconds = fields.number('delaySeconds', DELAY_SECONDS, null)
  switch (act) {
    case 'ack':
      return [{ do: 'ack', token }, ...(await ends({ status: 'succeeded', value: fields.raw('output') }))]
    case 'release':
      return [{ do: 'release', token, delay: { afterMs: (delaySeconds ?? 0) * 1_000 } }]
    case 'bury': {
      const ended = readBuried(deps, queue, fields)
      return [{ do: 'bury', token, error: { code: ended.code, message: ended.message } }, ...(await ends(ended))]
    }
    case 'retry': {
      const error = { code: 'handler-failed', message: fields.text('reason', 'its holder reported a failure') }
      if (stored !== null && stored.failed + 1 >= policy.attempts)
        return [
          { do: 'bury', token, error },
          ...(await ends({ status: 'failed', state: 'dead', ...error, data: undefined })),
        ]
      return [
        {
          do: 'retry',
          token,
          delay: { afterMs: delaySeconds === null ? nextDelayMs(deps, stored, policy) : delaySeconds * 1_000 },
          error,
        },
      ]
    }
    case 'extend':
      return []
  }
}

function nextDelayMs({ random }: ServerDeps, stored: StoredMessage | null, { backoff }: HttpRetry): number {
  const previousMs = stored === null || stored.failed === 0 ? null : (stored.failures.at(-1)?.delayMs ?? null)
  return backoffMs(backoff, (stored?.failed ?? 0) + 1, previousMs, random)
}
