/** The table of defaults, for people. */
import { DEFAULTS } from '../../core/default.ts'
import { formatDuration } from '../../core/duration.ts'
import { DEFAULT_QUEUE } from '../../core/settings.ts'
import { formatBytes, formatCount } from '../format.ts'

export function defaultFacts(): readonly (readonly [string, string])[] {
  const { limit, maxLapses, dedupeWindowMs, keep } = DEFAULT_QUEUE
  return [
    ['lease', `${formatDuration(DEFAULTS.leaseMs)}, extended at a third while the handler runs`],
    ['attempts', `${DEFAULTS.attempts} failed runs at most, then a dead letter`],
    [
      'backoff',
      `exponential from ${formatDuration(DEFAULTS.backoffBaseMs)} to ${formatDuration(DEFAULTS.backoffCapMs)}, full jitter`,
    ],
    ['vanished holders', `${maxLapses} times at most, then a dead letter ('lapsed')`],
    ['time of a run', 'no limit unless the contract has a timeout'],
    ['concurrency', `${DEFAULTS.concurrency} runs at once for each handler`],
    ['stop', `what runs may run on for ${formatDuration(DEFAULTS.graceMs)}, then it is given back uncounted`],
    ['result()', `waits ${formatDuration(DEFAULTS.resultWaitMs)}`],
    ['dedupe', `${formatDuration(dedupeWindowMs)} from the first send`],
    ['operations', `kept for ${formatDuration(DEFAULTS.operationKeptMs)} after their end`],
    [
      'ended messages',
      `kept for ${formatDuration(keep.endedMs)}, ${formatCount(keep.endedCount)} a queue at most; acked ones are not`,
    ],
    ['dead letters', `kept until somebody acts, ${formatCount(keep.deadCount)} a queue at most`],
    ['queue', `${formatCount(limit.messages ?? 0)} messages at most, then sends are refused ('full')`],
    ['body', `${formatBytes(DEFAULTS.maxBodyBytes)} at most`],
    ['free disk', `below ${formatBytes(DEFAULTS.minFreeBytes)} sends are refused ('disk-full')`],
  ]
}
