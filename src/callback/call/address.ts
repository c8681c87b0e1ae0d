/**
 * Which addresses a callback may connect to: global unicast, and what the operator allowed by range. Everything else (loopback,
 * private, link-local with the clouds' metadata services, carrier NAT, multicast, tunnels that hide an IPv4 address, …) is
 * refused, and so is what is no address: the guard fails closed.
 */
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { PosthornError } from '../../core/error.ts'

export type AddressRange = readonly [ipaddr.IPv4 | ipaddr.IPv6, number]

const GLOBAL_V6: AddressRange = ipaddr.parseCIDR('2000::/3')

/** @throws PosthornError `invalid-option` for a text that is no range like '10.0.0.0/8' */
export function parseRange(text: string, field: string): AddressRange {
  try {
    return text.includes('/') ? ipaddr.parseCIDR(text) : whole(ipaddr.process(text))
  } catch {
    throw new PosthornError(
      'invalid-option',
      `${field} holds ${JSON.stringify(text)}: it must be an address or a range like '10.0.0.0/8' or 'fd00::/8'`,
      { details: { field, value: text } },
    )
  }
}

/** An address that is written out in any of its spellings (hexadecimal, octal, short, IPv4-mapped, in brackets); null for a name. */
export function literalAddress(host: string): string | null {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  const text = bare.replace(/%.*$/s, '')
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : null
}

export function isPublicAddress(
  text: string,
  allowed: readonly AddressRange[],
  own: ReadonlySet<string> = ownAddresses(),
): boolean {
  const literal = literalAddress(text)
  if (literal === null) return false
  const address = ipaddr.process(literal)
  if (allowed.some((range) => isIn(address, range))) return true
  if (address.kind() === 'ipv6' && !isIn(address, GLOBAL_V6)) return false
  return address.range() === 'unicast' && !own.has(address.toString())
}

/** An address that the operator allowed although, or whether or not, it is a public one. */
export function isAllowedAddress(text: string, allowed: readonly AddressRange[]): boolean {
  const literal = literalAddress(text)
  if (literal === null) return false
  const address = ipaddr.process(literal)
  return allowed.some((range) => isIn(address, range))
}

/** A public address of this very machine is none that a callback may reach. */
function ownAddresses(): ReadonlySet<string> {
  const own = new Set<string>()
  for (const each of Object.values(networkInterfaces()))
    for (const { address } of each ?? []) own.add(literalAddress(address) ?? address)
  return own
}

function isIn(address: ipaddr.IPv4 | ipaddr.IPv6, range: AddressRange): boolean {
  return address.kind() === range[0].kind() && address.match(range as [ipaddr.IPv4, number] & [ipaddr.IPv6, number])
}

function whole(address: ipaddr.IPv4 | ipaddr.IPv6): AddressRange {
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}
