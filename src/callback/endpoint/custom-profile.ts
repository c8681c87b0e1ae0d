/** The name of a profile, or a contract of a platform's own, checked and resolved. */
import { isPosthornError } from '../../core/error.ts'
import { checkKnown, invalidOption, isPlain } from '../../core/option.ts'
import { faultOfCriterion } from '../profile/ack.ts'
import {
  BODIES,
  profileOf,
  PROFILES,
  STANDARD_RETRY,
  type CustomProfile,
  type ProfileName,
} from '../profile/profile.ts'
import { isFreeHeader } from './call-header.ts'
import type { CustomProfileOptions } from './option.ts'
import { checkTimeout, resolveRetry } from './schedule.ts'

/** @throws PosthornError `invalid-option`, `invalid-duration` */
export function resolveProfile(field: string, value: unknown): ProfileName | CustomProfile {
  if (typeof value === 'string') {
    if (Object.hasOwn(PROFILES, value)) return value as ProfileName
    throw invalidOption(field, 'profile', value, `one of ${Object.keys(PROFILES).join(', ')}, or an object of your own`)
  }
  if (!isPlain(value)) throw invalidOption(field, 'profile', value, 'the name of a profile, or an object of your own')
  const place = `${field}: profile`
  checkKnown(place, value, ['signature', 'signed', 'id', 'timestamp', 'type', 'body', 'ack', 'timeout', 'retry'])
  const options = value as unknown as Partial<CustomProfileOptions>
  const {
    signature,
    signed = '{body}',
    id = null,
    timestamp,
    type = null,
    body = 'event',
    ack = { status: 'success' },
  } = options
  if (!isPlain(signature))
    throw invalidOption(place, 'signature', signature, "{ header: 'x-signature', algorithm: 'hmac-sha256' }")
  checkKnown(`${place}.signature`, signature, ['header', 'algorithm', 'encoding', 'prefix'])
  const header = (name: string, each: unknown): string => {
    if (isFreeHeader(each)) return each.toLowerCase()
    throw invalidOption(place, name, each, 'the name of a header that the call does not set itself')
  }
  const { algorithm, encoding = 'hex', prefix = '' } = signature
  if (!['hmac-sha256', 'hmac-sha512', 'hmac-sha1'].includes(algorithm))
    throw invalidOption(place, 'signature.algorithm', algorithm, "'hmac-sha256', 'hmac-sha512' or 'hmac-sha1'")
  if (encoding !== 'hex' && encoding !== 'base64')
    throw invalidOption(place, 'signature.encoding', encoding, "'hex' or 'base64'")
  if (typeof prefix !== 'string' || !/^[\x20-\x7e]{0,50}$/.test(prefix))
    throw invalidOption(place, 'signature.prefix', prefix, "a short text like 'sha256='")
  if (!Object.hasOwn(BODIES, body))
    throw invalidOption(
      place,
      'body',
      body,
      Object.keys(BODIES)
        .map((each) => `'${each}'`)
        .join(' or '),
    )
  const fault = faultOfCriterion(ack)
  if (fault !== null) throw invalidOption(place, 'ack', ack, fault)
  if (timestamp !== undefined && !isPlain(timestamp))
    throw invalidOption(place, 'timestamp', timestamp, "an object like { header: 'x-time', unit: 's' }")
  const unit = timestamp?.unit ?? 's'
  if (unit !== 's' && unit !== 'ms') throw invalidOption(place, 'timestamp.unit', unit, "'s' or 'ms'")
  const custom: CustomProfile = {
    signature: { header: header('signature.header', signature.header), algorithm, encoding, prefix },
    signed: checkSigned(place, signed),
    id: id === null ? null : header('id', id),
    timestamp: timestamp === undefined ? null : { header: header('timestamp.header', timestamp.header), unit },
    type: type === null ? null : header('type', type),
    body,
    ack,
    timeoutMs: options.timeout === undefined ? 15_000 : checkTimeout(place, options.timeout),
    retry: options.retry === undefined ? STANDARD_RETRY : resolveRetry(place, options.retry, null),
  }
  try {
    profileOf(custom)
  } catch (error) {
    if (isPosthornError(error)) throw error
    throw invalidOption(place, 'signed', signed, (error as Error).message)
  }
  return custom
}

function checkSigned(place: string, value: unknown): string {
  if (typeof value === 'string' && value.length <= 200) return value
  throw invalidOption(place, 'signed', value, 'a text of at most 200 characters')
}
