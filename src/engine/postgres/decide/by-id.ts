/** What is done to messages by their ids, without holding them: cancel, redrive, discard. Unknown ids and unfit states do not count. */
import type { ChangeResult } from '../../../core/engine.ts'
import { isUuid } from '../../../core/id.ts'
import { isQueueName } from '../../../core/name.ts'
import type { MessageRef } from '../../../core/message.ts'
import { CANCELLED, DEAD, DISCARDED, isWaiting, LEASED, type Row } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { end } from './ending.ts'
import { use } from './insert.ts'
import { enterLine } from './place.ts'
import { quote } from '../../sql/refusal.ts'
import { refuse } from './refusal.ts'
import { toToken } from './token.ts'

export type ById = 'cancel' | 'redrive' | 'discard'

export async function decideById(work: Work, verb: ById, refs: readonly MessageRef[]): Promise<ChangeResult> {
  if (!Array.isArray(refs)) refuse('invalid', `messages is ${quote(refs)}: it must be a list of { queue, id }`)
  const odd = refs.findIndex((ref) => typeof ref?.queue !== 'string' || typeof ref.id !== 'string')
  if (odd !== -1) refuse('invalid', `messages[${odd}] is ${quote(refs[odd])}: it must be { queue, id }`)
  const decide = { cancel, redrive, discard }[verb]
  let count = 0
  for (const row of await rowsOf(work, refs)) if (await decide(work, row)) count++
  return { count }
}

/** In order of arrival. */
async function rowsOf(work: Work, refs: readonly MessageRef[]): Promise<readonly Row[]> {
  const found = new Set<Row>()
  for (const { queue: name, id } of refs) {
    const queue = isUuid(id) && isQueueName(name) ? await work.queue(name) : null
    const row = queue === null ? null : await work.row(queue, id)
    if (row !== null) found.add(row)
  }
  return [...found].sort((one, other) => one.seq - other.seq)
}

async function cancel(work: Work, row: Row): Promise<boolean> {
  if (row.state === LEASED) {
    if (!row.isCancelled) work.undo.set(row, { isCancelled: true })
    const { lease, queue, id } = row
    work.hints.push({ cancel: toToken({ lease: lease!, queue: queue.number, id }), of: queue.name })
    return true
  }
  if (!isWaiting(row.state)) return false
  await end(work, row, CANCELLED, 'reported', null)
  return true
}

async function redrive(work: Work, row: Row): Promise<boolean> {
  if (row.state !== DEAD) return false
  const { queue } = row
  work.count(queue, { living: 1, bytes: row.size })
  work.keep(queue, 'dead', -1)
  if (queue.settings.idleExpiryMs !== null) use(work, queue)
  const fresh = { acquired: 0, failed: 0, released: 0, isCancelled: false, endedAt: null, turn: null, reason: null }
  work.undo.set(row, fresh)
  if (row.line !== null) work.undo.add(work.lines.of(queue, row.line).rows, row)
  await enterLine(work, row)
  return true
}

async function discard(work: Work, row: Row): Promise<boolean> {
  if (!isWaiting(row.state) && row.state !== DEAD) return false
  await end(work, row, DISCARDED, 'reported', row.reason)
  return true
}
