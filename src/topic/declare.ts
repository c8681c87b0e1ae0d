/**
 * Puts in place what topics and subscriptions declare, where it is not so already: a deployment that changes nothing writes nothing.
 * What a later deployment declares counts, and a change is logged.
 */
import type { Change, Engine } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { fromJsonBytes } from '../core/json.ts'
import {
  subscriptionKey,
  topicKey,
  type Retention,
  type StoredSubscription,
  type Subscription,
} from '../core/settings.ts'
import type { Log } from '../runtime/log.ts'

export interface DeclareDeps {
  readonly engine: Pick<Engine, 'get' | 'commit'>
  readonly log: Log
}

/** @throws PosthornError `unsupported`, `full` */
export async function declareRetention(
  { engine, log }: DeclareDeps,
  topic: string,
  retention: Retention | null,
): Promise<void> {
  const [stored = null] = await engine.get([topicKey(topic)])
  if (stored === null ? retention === null : sameRetention(fromJsonBytes(stored.value) as Retention | null, retention))
    return
  await commit(engine, { do: 'retain', topic, retention })
  if (stored !== null)
    log.info(`what topic '${topic}' keeps was changed to what its contract declares`, { topic, ...retention })
}

/** What senders may do: where nobody has said anything yet. @throws PosthornError `unsupported`, `full` */
export async function declareRetentionIfNone(
  engine: Pick<Engine, 'get' | 'commit'>,
  topic: string,
  retention: Retention | null,
): Promise<void> {
  const [stored = null] = await engine.get([topicKey(topic)])
  if (stored !== null) return
  // Another may have said it in the meantime: then that holds.
  await engine.commit([{ changes: [{ do: 'retain', topic, retention, ifVersion: null }] }])
}

/** @throws PosthornError `unsupported` for a beginning that the topic does not keep, `full`, `invalid` */
export async function declareSubscription({ engine, log }: DeclareDeps, subscription: Subscription): Promise<void> {
  const { topic, name } = subscription
  const [stored = null] = await engine.get([subscriptionKey(topic, name)])
  const known = stored === null ? null : (fromJsonBytes(stored.value) as StoredSubscription)
  if (known !== null && sameWishes(known, subscription)) return
  await commit(engine, { do: 'bind', subscription })
  if (known !== null)
    log.info(`what subscription '${name}' of topic '${topic}' wants was changed to what its handler declares`, {
      topic,
      subscription: name,
    })
}

export async function commit(engine: Pick<Engine, 'commit'>, change: Change): Promise<void> {
  const [result] = await engine.commit([{ changes: [change] }])
  if (result?.status !== 'committed') throw new PosthornError(result?.code ?? 'unknown', result?.detail ?? 'no answer')
}

/** Where it began was settled when it was first bound. */
function sameWishes(one: Subscription, other: Subscription): boolean {
  const wishes = ({ types, filters, order }: Subscription) => JSON.stringify([types, filters, order])
  return wishes(one) === wishes(other)
}

function sameRetention(one: Retention | null, other: Retention | null): boolean {
  return one?.ms === other?.ms && one?.count === other?.count
}
