/** The rules for names. `:` parts the kinds of queue (`task:resize`, `topic:orders:billing`), so no user's name holds it. */
import { PosthornError } from './error.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
const QUEUE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(:[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,4}$/
/** The kinds of queue that there are: a plain one, a task's, a subscription's, an app's, an app's subscription's, Posthorn's own. */
const KIND =
  /^([^:]+|task:[^:]+|app:[^:]+:[^:]+|topic:([^:]+|system:(events|audit)):([^:]+|app:[^:]+:[^:]+)|system:.+)$/
const APP = /^[a-z0-9][a-z0-9-]{0,31}$/
const OF_APP = /^app:([a-z0-9][a-z0-9-]{0,31}):(.+)$/
const EVENT_TYPE = /^[\x21-\x7e]{1,255}$/

/** The topic of operational events: a subscription suspended, a queue full, and their like. */
export const EVENTS_TOPIC = 'system:events'
/** The topic that keeps who changed what of apps. It and the one above are the only ones with a `:`. */
export const AUDIT_TOPIC = 'system:audit'

const OWN_QUEUE = /^(system:|task:system\.)/

/** Queues of Posthorn's own: nobody else sends to them. */
export const isOwnQueue = (queue: string): boolean => OWN_QUEUE.test(queue)

/** What is sent to one endpoint alone: tests, redeliveries, completion callbacks. */
export const endpointQueue = (endpoint: string): string => `system:endpoint:${endpoint}`

/** Keys of records of Posthorn's own: whoever may send or settle needs them. */
export const isOwnKey = (key: string): boolean => key.startsWith('system/')

export const isName = (text: string): boolean => typeof text === 'string' && NAME.test(text)
export const isTopicName = (text: string): boolean => isName(text) || text === EVENTS_TOPIC || text === AUDIT_TOPIC

/** Of an app: short and plain, since it is part of the names of what is the app's. */
export const isAppName = (text: string): boolean => typeof text === 'string' && APP.test(text)

/** What the names of an app's queues and subscriptions begin with, and its texts for dedupe and keys. */
export const spaceOf = (app: string): string => `app:${app}:`

/** Whose name it is, and the name as that app says it; null for what is no app's. */
export function partsOfAppName(text: string): { readonly app: string; readonly name: string } | null {
  const [, app, name] = OF_APP.exec(text) ?? []
  return app === undefined ? null : { app, name: name! }
}

/** A subscription's: a name, or that of an app's subscription. */
export const isSubscriptionName = (text: string): boolean =>
  isName(text) || (typeof text === 'string' && isName(partsOfAppName(text)?.name ?? ''))

/** The text found right last: most are asked for again and again. */
let rightQueue = ''
let rightType = ''

export function isQueueName(text: string): boolean {
  if (text === rightQueue) return text !== ''
  if (typeof text !== 'string' || !QUEUE.test(text)) return false
  rightQueue = text
  return true
}

export function isEventType(text: string): boolean {
  if (text === rightType) return text !== ''
  if (!EVENT_TYPE.test(text)) return false
  rightType = text
  return true
}

/** @throws PosthornError `invalid-name` */
export function checkName(text: unknown, field: string): string {
  if (typeof text === 'string' && isName(text)) return text
  throw new PosthornError(
    'invalid-name',
    `${field} is ${JSON.stringify(text)}: it must be 1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit`,
    { details: { field, value: text } },
  )
}

/** Of a kind that there is: engines take any, so that later kinds need no new engine. @throws PosthornError `invalid-name` */
export function checkQueueName(text: unknown, field: string): string {
  if (typeof text === 'string' && isQueueName(text) && KIND.test(text)) return text
  throw new PosthornError(
    'invalid-name',
    `${field} is ${JSON.stringify(text)}: it must be a name like 'inbox', 'task:resize' or 'topic:orders:billing'`,
    { details: { field, value: text } },
  )
}

/** @throws PosthornError `invalid-name` */
export function checkTopicName(text: unknown, field: string): string {
  return text === EVENTS_TOPIC || text === AUDIT_TOPIC ? text : checkName(text, field)
}

/** @throws PosthornError `invalid-name` */
export function checkSubscriptionName(text: unknown, field: string): string {
  return typeof text === 'string' && isSubscriptionName(text) ? text : checkName(text, field)
}

/** @throws PosthornError `invalid-name` */
export function checkAppName(text: unknown, field: string): string {
  if (typeof text === 'string' && isAppName(text)) return text
  throw new PosthornError(
    'invalid-name',
    `${field} is ${JSON.stringify(text)}: it must be 1 to 32 lower-case letters, digits or '-', the first a letter or digit`,
    { details: { field, value: text } },
  )
}
