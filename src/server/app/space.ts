/**
 * The edge of an app's name space: names in a request become the engine's, names in an answer become the app's. What an app may not know of
 * is answered here as what does not exist, before the engine is asked, so that neither the answer nor the time tells them apart.
 */
import { inSpace, type Principal } from '../../app/index.ts'
import { PosthornError } from '../../core/error.ts'
import type { Message } from '../../core/message.ts'
import { checkName, checkQueueName, checkSubscriptionName, isOwnQueue, spaceOf } from '../../core/name.ts'
import { subscriptionQueue } from '../../core/settings.ts'
import { checkScope, notThere } from '../route/scope.ts'

export type QueueVerb = 'send' | 'lease' | 'read' | 'manage'

/**
 * The engine's name of the queue that the principal means. An app has queues of its own and those of its subscriptions.
 * @throws PosthornError `invalid-name`, `queue-not-found`, `forbidden-scope`
 */
export function queueIn(principal: Principal, given: string | undefined, verb: QueueVerb): string {
  const name = checkQueueName(given, 'queue')
  if (principal.app === null) return name
  const [kind, topic, subscription, ...rest] = name.split(':')
  if (topic === undefined) {
    checkScope(principal, 'queue', verb, name)
    return inSpace(principal, name)
  }
  // Its events come by the topic alone.
  if (kind !== 'topic' || subscription === undefined || rest.length > 0 || verb === 'send')
    throw notThere('queue', name)
  if (!principal.scopes.covers('topic', topic)) throw notThere('queue', name)
  checkScope(principal, 'topic', 'subscribe', topic)
  return subscriptionQueue(topic, inSpace(principal, subscription))
}

/** As the principal says it, of whatever kind the queue is. */
export function shownName({ app }: Principal, name: string): string {
  return app === null ? name : name.replace(spaceOf(app), '')
}

/** @throws PosthornError `invalid-name` */
export function subscriptionIn(principal: Principal, given: unknown): string {
  return principal.app === null ? checkSubscriptionName(given, 'name') : inSpace(principal, checkName(given, 'name'))
}

/** @throws PosthornError `invalid-name`, `task-not-found`, `forbidden-scope` */
export function checkTask(principal: Principal, task: string, verb: 'start' | 'read' | 'cancel'): void {
  if (principal.app === null) return
  if (isOwnQueue(`task:${task}`)) throw notThere('task', task)
  checkScope(principal, 'task', verb, task)
}

/** The message as the principal may send it: an app's is of its group and source, and its texts are in its space. */
export function sentBy(principal: Principal, message: Message): Message {
  if (principal.kind === 'platform') return message
  const { key, dedupe, priority } = message
  return {
    ...message,
    event: { ...message.event, source: principal.source },
    group: principal.app,
    priority: Math.min(priority, principal.maxPriority),
    ...(key === undefined ? {} : { key: inSpace(principal, key) }),
    ...(dedupe === undefined ? {} : { dedupe: inSpace(principal, dedupe) }),
  }
}

/** An error as the principal may see it: with its own names, and with no number that others move. */
export function toShownError(principal: Principal, error: unknown, hide: (text: string) => string): unknown {
  if (principal.app === null || !(error instanceof PosthornError)) return error
  const space = spaceOf(principal.app)
  const { etag, rateLimit, ...details } = error.details as Record<string, unknown>
  const isShared = typeof details['queue'] === 'string' && !details['queue'].includes(space)
  const bare = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replaceAll(space, '')
    if (Array.isArray(value)) return value.map(bare)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, bare(each)]))
  }
  return new PosthornError(error.code, bare(detailOf(error, etag, hide)) as string, {
    details: {
      ...(bare(details) as Record<string, unknown>),
      ...(typeof etag === 'string' ? { etag: hide(etag) } : {}),
      ...(rateLimit === undefined || isShared ? {} : { rateLimit }),
    },
    cause: error,
  })
}

/** Versions are counted over everything that is written. */
function detailOf({ code, message }: PosthornError, etag: unknown, hide: (text: string) => string): string {
  if (code === 'conflict') return 'it was changed by somebody else meanwhile: read it again'
  if (code === 'precondition-failed' && typeof etag === 'string')
    return `it is at ${hide(etag)}, which is not what was asked for: read it again`
  return message
}
