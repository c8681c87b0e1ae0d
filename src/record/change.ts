/** What a put or remove of a user's record is in a commit, checked where it is written. */
import type { Clock } from '../core/clock.ts'
import { parseDuration, type Duration } from '../core/duration.ts'
import type { Change, Version } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { toJsonBytes } from '../core/json.ts'
import { checkKnown } from '../core/option.ts'
import { isRecordKey, isReservedKey } from '../core/record.ts'
import type { PutOptions } from './control.ts'

const NONE = {}

/** @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration` */
export function putOf(clock: Clock, key: string, value: unknown, options: PutOptions = NONE): Change {
  checkRecordKey(key)
  // A version that is misspelt would be a put without one: another's change would be lost.
  if (options !== NONE) checkKnown('put', options, ['ifVersion', 'expires'])
  const { ifVersion, expires } = options
  return {
    do: 'put',
    key,
    value: toValue(key, value),
    ...(ifVersion === undefined ? {} : { ifVersion }),
    ...(expires === undefined ? {} : { expiresAt: toExpiresAt(clock, expires) }),
  }
}

/** @throws PosthornError `invalid-name` */
export function removeOf(key: string, options: { readonly ifVersion?: Version | undefined } = NONE): Change {
  checkRecordKey(key)
  if (options !== NONE) checkKnown('remove', options, ['ifVersion'])
  const { ifVersion } = options
  return { do: 'remove', key, ...(ifVersion === undefined ? {} : { ifVersion }) }
}

/** @throws PosthornError `invalid-name` */
export function checkRecordKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || !isRecordKey(key)) {
    throw new PosthornError(
      'invalid-name',
      `the record's key is ${JSON.stringify(key)?.slice(0, 100)}: it must be 1 to 512 printable ASCII characters without spaces`,
      { details: { field: 'key' } },
    )
  }
  if (isReservedKey(key))
    throw new PosthornError(
      'invalid-name',
      `the record's key is '${key}': what begins with '${key.slice(0, key.indexOf('/') + 1)}' is Posthorn's own`,
      { details: { field: 'key', value: key } },
    )
}

function toValue(key: string, value: unknown): Uint8Array {
  try {
    return toJsonBytes(value)
  } catch (cause) {
    throw new PosthornError('invalid-option', `the value of record '${key}' is not JSON: ${(cause as Error).message}`, {
      cause,
      details: { field: 'value' },
    })
  }
}

function toExpiresAt(clock: Clock, expires: Duration | Date): number {
  if (!(expires instanceof Date)) return clock.wallMs() + parseDuration(expires, 'expires')
  if (Number.isNaN(expires.getTime()))
    throw new PosthornError('invalid-option', 'expires is an invalid Date: it must be a time or a duration', {
      details: { field: 'expires' },
    })
  return expires.getTime()
}
