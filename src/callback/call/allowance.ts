/**
 * What the operator allows: the origins that may be called back, and the address ranges beyond the public ones. An origin that
 * is itself an address, or localhost, allows that address for itself alone; a name never does, whatever it resolves to.
 */
import { PosthornError } from '../../core/error.ts'
import { isAllowedAddress, isPublicAddress, literalAddress, parseRange, type AddressRange } from './address.ts'

export interface Allowance {
  /** Whether no origin is allowed at all. */
  readonly isEmpty: boolean
  /** @throws PosthornError `callback-not-allowed` */
  readonly checkUrl: (url: string) => URL
  /**
   * Whether an endpoint may be there: over https at any public address; over plain http only where ranges were opened for its host.
   * @throws PosthornError `callback-not-allowed`
   */
  readonly checkEndpoint: (url: string) => void
  /** Whether plain http may go to this origin wherever it is. */
  readonly isAllowed: (origin: string) => boolean
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
  const rangesOf = (host: string): readonly AddressRange[] => [...everywhere, ...(perHost.get(bare(host)) ?? [])]
  return {
    isEmpty: allowed.size === 0,
    rangesOf,
    isAllowed: (origin) => allowed.has(origin),
    checkEndpoint(text) {
      const url = URL.parse(text)
      if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
        throw forbidden(text, 'it must be an https URL')
      const hasOwn = perHost.has(bare(url.hostname))
      const address = literalAddress(url.hostname) ?? (hasOwn ? '127.0.0.1' : null)
      // Of a name it is known when it is connected to.
      const isOwn =
        allowed.has(url.origin) || (address === null ? everywhere.length > 0 : isAllowedAddress(address, everywhere))
      // An origin that is allowed opens its address for itself alone: what else listens there is no receiver.
      if (hasOwn && !isOwn && !isPublicAddress(address!, everywhere))
        throw forbidden(url.origin, 'its address is allowed for another origin alone')
      if (url.protocol === 'http:' && !isOwn)
        throw forbidden(url.origin, 'it must be https; plain http is for addresses that the operator allowed')
      if (!isCallablePort(url.port) && !isOwn)
        throw forbidden(
          url.origin,
          `port ${url.port} is one of those that other services listen on; there are 80, 443 and those from 1024 on`,
        )
    },
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

/** Below 1024 only those of HTTP: no mail server, no database of old is to be talked to in HTTP. */
const isCallablePort = (port: string): boolean =>
  port === '' || port === '80' || port === '443' || Number(port) >= 1_024

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
