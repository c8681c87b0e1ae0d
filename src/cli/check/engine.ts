/** Whether the engine can be used, who holds it, and how much is in it. */
import { existsSync } from 'node:fs'
import { isPosthornError } from '../../core/error.ts'
import { connect, engineUrl, folderOf, placeOf } from '../connect.ts'
import { countOf, formatCount } from '../format.ts'
import { listQueues } from '../queues.ts'
import type { CommonOptions, Session } from '../session.ts'
import type { QueueView } from '../view.ts'
import type { Check } from './check.ts'

const name = 'Engine'

export async function checkEngine(session: Session, options: CommonOptions): Promise<Check> {
  const url = engineUrl(session, options)
  const folder = folderOf(url, session.cwd)
  const place = placeOf(url, session.cwd)
  if (place !== null && !existsSync(place))
    return {
      name,
      verdict: 'ok',
      found: `${url}, not begun yet`,
      meaning: ['The first `posthorn serve` or `posthorn send` makes it.'],
      facts: { url, folder },
    }
  if (url === 'memory:')
    return {
      name,
      verdict: 'note',
      found: url,
      meaning: ['Nothing outlives the process. For anything to keep: --engine file:./data'],
      facts: { url },
    }
  try {
    await using exchange = await connect(session, options)
    const queues = await listQueues(exchange)
    const waiting = sum(queues, ({ ready, arrived, held, delayed }) => ready + arrived + held + delayed)
    const dead = sum(queues, (queue) => queue.dead)
    const holder = exchange.holder ?? null
    return {
      name,
      verdict: 'ok',
      found: `${exchange.where}: ${countOf(queues.length, 'queue')}, ${formatCount(waiting)} waiting, ${formatCount(dead)} dead`,
      meaning: holder === null ? [] : [`Process ${holder.pid} on ${holder.host} has it locked, and answers for it.`],
      facts: { url, folder, queues: queues.length, waiting, dead, holder },
    }
  } catch (error) {
    return explain(error, url)
  }
}

function explain(error: unknown, url: string): Check {
  const { message } = error as Error
  if (!isPosthornError(error) || error.code !== 'engine-locked')
    return { name, verdict: 'wrong', found: `${url} cannot be used`, meaning: [message], facts: { url } }
  const { pid, host } = error.details
  // A program of the user's own that has it open is as it should be; it only cannot be looked into from here.
  return {
    name,
    verdict: 'note',
    found: `${url}, locked by process ${String(pid)} on ${String(host)}`,
    meaning: [
      'It is no `posthorn serve` or `posthorn work`, so nobody answers for it here: what is in it is seen from that process only.',
    ],
    facts: { url, holder: { pid, host } },
  }
}

function sum(queues: readonly QueueView[], of: (queue: QueueView) => number): number {
  return queues.reduce((total, queue) => total + of(queue), 0)
}
