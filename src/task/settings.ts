/** A queue's settings as a contract declares them. */
import { parseDuration, type Duration } from '../core/duration.ts'
import { PosthornError } from '../core/error.ts'
import { DEFAULT_QUEUE, faultOfSettings } from '../core/settings.ts'
import { applySettings, type SettingsChange } from '../queue/index.ts'
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'

export interface QueueOptions {
  /** How the next message is chosen. Default 'priority': higher first, then oldest. 'fifo': priority is ignored. */
  readonly pick?: 'fifo' | 'priority' | undefined
  /** With 'priority': one step of priority is worth so much waiting, so that nothing starves. Default: none (strict). */
  readonly aging?: Duration | undefined
  /** What waits or is leased may not exceed this: a send beyond is refused as `full`. null: no limit. Default 1,000,000 messages. */
  readonly limit?:
    | { readonly messages?: number | null | undefined; readonly bytes?: number | null | undefined }
    | undefined
  /** Default 24 h. */
  readonly dedupeWindow?: Duration | undefined
  /** A message whose holder vanished more often is buried as `lapsed`. Default 5. */
  readonly maxLapses?: number | undefined
  readonly keep?:
    | {
        /** Whether acked messages are kept like the other ended ones. Default false. */
        readonly acked?: boolean | undefined
        /** Default 1 h. */
        readonly ended?: Duration | undefined
        /** Default 10,000. */
        readonly endedCount?: number | undefined
        /** Dead letters older than this are discarded; null: kept until somebody acts. Default null. */
        readonly dead?: Duration | null | undefined
        /** Default 100,000. */
        readonly deadCount?: number | undefined
      }
    | undefined
  /** A queue without a lease, a send or a message for so long is removed. Default null: never. */
  readonly idleExpiry?: Duration | null | undefined
}

const KNOWN = ['pick', 'aging', 'limit', 'dedupeWindow', 'maxLapses', 'keep', 'idleExpiry']

/** What a contract's `queue` option says of the settings; null where it says nothing. */
export function resolveQueueOptions(field: string, given: unknown): SettingsChange | null {
  if (given === undefined) return null
  if (!isPlain(given))
    throw invalidOption(field, 'queue', given, "an object like { pick: 'priority', limit: { messages: 10_000 } }")
  const at = `${field}: queue`
  checkKnown(at, given, KNOWN)
  const { pick, aging, limit, dedupeWindow, maxLapses, keep, idleExpiry } = given as QueueOptions
  checkKnown(`${at}.limit`, limit ?? {}, ['messages', 'bytes'])
  checkKnown(`${at}.keep`, keep ?? {}, ['acked', 'ended', 'endedCount', 'dead', 'deadCount'])
  const change: SettingsChange = {
    ...resolvePick(at, pick, aging),
    ...(limit === undefined ? {} : { limit }),
    ...(dedupeWindow === undefined ? {} : { dedupeWindowMs: parseDuration(dedupeWindow, `${at}.dedupeWindow`) }),
    ...(maxLapses === undefined ? {} : { maxLapses }),
    ...(keep === undefined ? {} : { keep: resolveKeep(at, keep) }),
    ...(idleExpiry === undefined
      ? {}
      : { idleExpiryMs: idleExpiry === null ? null : parseDuration(idleExpiry, `${at}.idleExpiry`) }),
  }
  const fault = faultOfSettings(applySettings(DEFAULT_QUEUE, change))
  if (fault !== null)
    throw new PosthornError('invalid-option', `${at}: ${fault}`, { details: { field: 'queue', of: field } })
  return change
}

function resolvePick(
  at: string,
  pick: QueueOptions['pick'],
  aging: QueueOptions['aging'],
): Pick<SettingsChange, 'pick'> {
  if (pick === undefined && aging === undefined) return {}
  if (pick !== undefined && pick !== 'fifo' && pick !== 'priority')
    throw invalidOption(at, 'pick', pick, "'fifo' or 'priority'")
  if (aging === undefined) return { pick: { by: pick ?? 'priority' } }
  if (pick === 'fifo') throw invalidOption(at, 'aging', aging, "left out with pick 'fifo', which ignores priority")
  return { pick: { by: 'priority', agingMs: parseDuration(aging, `${at}.aging`) } }
}

function resolveKeep(
  at: string,
  { acked, ended, endedCount, dead, deadCount }: NonNullable<QueueOptions['keep']>,
): NonNullable<SettingsChange['keep']> {
  return {
    ...(acked === undefined ? {} : { acked }),
    ...(ended === undefined ? {} : { endedMs: parseDuration(ended, `${at}.keep.ended`) }),
    ...(endedCount === undefined ? {} : { endedCount }),
    ...(dead === undefined ? {} : { deadMs: dead === null ? null : parseDuration(dead, `${at}.keep.dead`) }),
    ...(deadCount === undefined ? {} : { deadCount }),
  }
}
