/** What administration matches by: for the engine, which browses by it, and on messages that were found by their ids. */
import type { BrowseQuery } from '../core/engine.ts'
import type { StoredMessage } from '../core/message.ts'
import type { Match } from './control.ts'

export function toEngineMatch(match: Match | undefined): BrowseQuery['match'] {
  if (match === undefined) return undefined
  const { before, since, ...rest } = match
  return { ...rest, before: before?.getTime(), since: since?.getTime() }
}

/** Whether all of it holds of the message, as `browse` has it. */
export function isMatch({ message, sentAt, failures, reason }: StoredMessage, match: Match = {}): boolean {
  const { type, error, group, key, before, since } = match
  return (
    (type === undefined || message.event.type === type) &&
    (group === undefined || message.group === group) &&
    (key === undefined || message.key === key) &&
    (before === undefined || sentAt < before.getTime()) &&
    (since === undefined || sentAt >= since.getTime()) &&
    (error === undefined || reason === error || failures.some(({ code }) => code === error))
  )
}
