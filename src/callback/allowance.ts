/**
 * What the operator allows: the origins that may be called back, and the address ranges beyond the public ones. An origin that
 * is itself an address, or localhost, allows that address for itself alone; a name never does, whatever it resolves to.
 */
import { PosthornError } from '../core/error.ts'
import { literalAddress, parseRange, type AddressRange } from './address.ts'

export interface Allowance {
  /** Whether no origin is allowed at all. */
  readonly isEmpty: boolean
  /** @throws PosthornError `callback-not-allowed` */
  readonly checkUrl: (url: string) => URL
  /** Ranges beyond the public addresses, for connections to this host. */
  readonly rangesOf: (host: string) => readonly AddressRange[]
}

const LONGEST_URL = 2048
const LOOPBACK = [parseRange('127.0.0.0/8', ''), parseRange('::1', '')]

/** @throws PosthornError `invalid-option` */
export function createAllowance(origins: readonly string[] = [], ranges: readonly string[] = []): Allowance {
  const allowed = new Set(origins.map(parseOrigin))
  const everywhere = ranges.map((range) => parseRange(range, 'callbackAllowRanges'))
  const perHost = new Map<string, readonly AddressRange[]>()
  for (const origin of allowed) {
    const host = new URL(origin).hostname
    const own = rangesOfHost(host)
    if (own.length > 0) perHost.set(bare(host), own)
  }
  return {
    isEmpty: allowed.size === 0,
    rangesOf: (host) => [...everywhere, ...(perHost.get(bare(host)) ?? [])],
    checkUrl(text) {
      const url = URL.parse(text)
      if (url === null || text.length > LONGEST_URL || (url.protocol !== 'https:' && url.protocol !== 'http:'))
        throw forbidden(text, `it must be an http or https URL of at most ${LONGEST_URL} characters`)
      if (url.username !== '' || url.password !== '') throw forbidden(url.origin, 'it may not hold a user or password')
      if (!allowed.has(url.origin))
        throw forbidden(
          url.origin,
          allowed.size === 0
            ? 'this server allows no callbacks; its operator can with --callback-allow'
            : 'its origin is none of those that this server allows',
        )
      url.hash = ''
      return url
    },
  }
}

function parseOrigin(text: string): string {
  const url = URL.parse(text)
  if (
    url === null ||
    !['http:', 'https:'].includes(url.protocol) ||
    url.origin === 'null' ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  ) {
    throw new PosthornError(
      'invalid-option',
      `callbackAllow holds ${JSON.stringify(text)}: it must be an origin like 'https://hooks.example.com' or 'http://127.0.0.1:9000'`,
      { details: { field: 'callbackAllow', value: text } },
    )
  }
  return url.origin
}

function rangesOfHost(host: string): readonly AddressRange[] {
  if (host === 'localhost' || host.endsWith('.localhost')) return LOOPBACK
  const literal = literalAddress(host)
  return literal === null ? [] : [parseRange(literal, 'callbackAllow')]
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '').toLowerCase()

function forbidden(what: string, why: string): PosthornError {
  return new PosthornError('callback-not-allowed', `callback to ${JSON.stringify(what.slice(0, 200))}: ${why}`)
}
