/**
 * What is told goes over several channels, by what it is about: a session listens to those over which something may come that somebody watches
 * there, and a process is not woken by all the rest. Queues share a few channels, by their names; record keys have one, and so have topics.
 */
import { hashOf } from '../hash.ts'
import type { Notice } from './hint.ts'

/** To this one everybody listens: over it goes only that there is one more. */
export const GREETINGS = ''

/** Each costs a worker of many queues a `LISTEN`, and whoever tells of many queues a notice. */
const QUEUE_CHANNELS = 16

export const channelOfQueue = (name: string): string => `_q${(hashOf(name) >>> 0) % QUEUE_CHANNELS}`
export const KEYS = '_k'
export const TOPICS = '_t'

export function channelOf(notice: Notice): string {
  if ('key' in notice) return KEYS
  if ('topic' in notice) return TOPICS
  return channelOfQueue('queue' in notice ? notice.queue : notice.of)
}
