/** The rules for names. `:` parts the kinds of queue (`task:resize`, `topic:orders:billing`), so no user's name holds it. */
import { PosthornError } from './error.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
const QUEUE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(:[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,3}$/
/** The kinds of queue that there are: a plain one, a task's, a subscription's, Posthorn's own. */
const KIND = /^([^:]+|task:[^:]+|topic:([^:]+|system:events):[^:]+|system:.+)$/
const EVENT_TYPE = /^[\x21-\x7e]{1,255}$/

/** The topic of operational events: a subscription suspended, a queue full, and their like. The one topic with a `:`. */
export const EVENTS_TOPIC = 'system:events'

const OWN_QUEUE = /^(system:|task:system\.)/

/** Queues of Posthorn's own: nobody else sends to them. */
export const isOwnQueue = (queue: string): boolean => OWN_QUEUE.test(queue)

/** Keys of records of Posthorn's own: whoever may send or settle needs them. */
export const isOwnKey = (key: string): boolean => key.startsWith('system/')

export const isName = (text: string): boolean => typeof text === 'string' && NAME.test(text)
export const isTopicName = (text: string): boolean => isName(text) || text === EVENTS_TOPIC

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
