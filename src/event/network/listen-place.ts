/** Where a source listens: on loopback unless it is told otherwise. */
import {
  BlockList,
  isIPv4,
  isIPv6,
  type AddressInfo,
  type ListenOptions as NodeListenOptions,
  type Server,
} from 'node:net'
import { checkKnown, invalidOption, isPlain } from '../../core/option.ts'
import type { Source } from '../contract.ts'

export interface ListenOptions {
  /** 0: any free one. */
  readonly port: number
  /** Default 127.0.0.1. */
  readonly host?: string | undefined
}

export interface ListeningSource<Name extends string, Events, Parsed = Events> extends Source<Name, Events, Parsed> {
  /** Where it listens; null while nobody listens to the source. */
  readonly address: Place | null
}

export interface Place {
  readonly host: string
  readonly port: number
}

const DEFAULT_HOST = '127.0.0.1'
const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return loopback.check(host)
  if (isIPv6(host)) return loopback.check(host, 'ipv6')
  return host === 'localhost'
}

/** @throws PosthornError `invalid-option` */
export function resolvePlace(field: string, given: ListenOptions): Place {
  checkPlain(field, given)
  const { port, host = DEFAULT_HOST } = given
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw invalidOption(field, 'port', port, 'a whole number from 0 to 65535')
  if (typeof host !== 'string' || host === '')
    throw invalidOption(field, 'host', host, `an address, like '${DEFAULT_HOST}'`)
  return { port, host }
}

/** Narrows nothing: what was given keeps its type. */
function checkPlain(field: string, given: object): void {
  if (!isPlain(given)) throw invalidOption(field, 'listen', given, 'an object like { port: 7080 }')
  checkKnown(`${field}: listen`, given, ['port', 'host'])
}

/** Resolves with where it listens. @throws Node's own error (`EADDRINUSE`, `EACCES`) where the port cannot be had */
export function listenAt(
  server: Pick<Server, 'once' | 'off' | 'listen' | 'address'>,
  place: NodeListenOptions,
): Promise<Place> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(place, () => {
      server.off('error', reject)
      const { address, port } = server.address() as AddressInfo
      resolve({ host: address, port })
    })
  })
}

export function withAddress<S extends object>(
  source: S,
  address: () => Place | null,
): S & { readonly address: Place | null } {
  return Object.freeze(Object.defineProperty(source, 'address', { get: address, enumerable: true })) as S & {
    readonly address: Place | null
  }
}

export const hostInUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host)
