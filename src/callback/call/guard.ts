/**
 * The outbound side of callbacks: undici connections that look at every address at the moment of connecting, so that neither a
 * name that resolves to an inner address, nor one that changes its answer between the look-up and the connection, nor a
 * literal address in any spelling gets through.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { PosthornError } from '../../core/error.ts'
import { isAllowedAddress, isPublicAddress, literalAddress, type AddressRange } from './address.ts'
import { Connections } from './connection.ts'

/** All addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

export interface GuardOptions {
  /** Ranges beyond the public addresses, for connections to this host. */
  readonly rangesOf: (host: string) => readonly AddressRange[]
  /** Whether plain http may go to this origin wherever it is; elsewhere it may only reach the ranges. Default: anywhere. */
  readonly isPlainAllowed?: ((origin: string) => boolean) | undefined
  readonly resolve?: Resolve | undefined
  readonly connectMs?: number | undefined
  readonly headerBytes?: number | undefined
}

export const GUARD_DEFAULTS = { connectMs: 5_000, headerBytes: 16_384 } as const

const systemResolve: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true, order: 'verbatim' }, (error, addresses) =>
      error === null ? resolve(addresses) : reject(error),
    )
  })

/** Connects to public addresses and allowed ranges only; anything else fails as `address-forbidden`. Who calls bounds how many calls there are at once. */
export function createGuard(options: GuardOptions): Connections {
  const { rangesOf, resolve = systemResolve, connectMs = GUARD_DEFAULTS.connectMs } = options
  const connector = (host: string) =>
    buildConnector({
      timeout: connectMs,
      allowH2: false,
      lookup: checkedLookup(resolve, rangesOf(host)),
      autoSelectFamily: true,
    })
  return new Connections({
    connect(target, callback) {
      const ranges = rangesOf(target.hostname)
      const literal = literalAddress(target.hostname)
      if (literal !== null && !isPublicAddress(literal, ranges))
        return callback(forbidden(target.hostname, literal), null)
      connector(target.hostname)(target, (...[error, socket]) => {
        if (error !== null) return callback(error, null)
        // What was really reached counts, whatever was looked up before.
        const reached = socket.remoteAddress ?? ''
        const isPlain = target.protocol === 'http:' && options.isPlainAllowed?.(originOf(target)) === false
        if (isPlain ? isAllowedAddress(reached, ranges) : isPublicAddress(reached, ranges))
          return callback(null, socket)
        socket.destroy()
        callback(isPlain ? plain(target.hostname) : forbidden(target.hostname, reached), null)
      })
    },
    maxHeaderSize: options.headerBytes ?? GUARD_DEFAULTS.headerBytes,
    keepAliveTimeout: 10_000,
    allowH2: false,
  })
}

/** Node connects to what this gives and asks nobody else, so a name is resolved once and what was checked is what is used. */
function checkedLookup(resolve: Resolve, ranges: readonly AddressRange[]): LookupFunction {
  return (hostname, { all, family }, callback) => {
    const give = (found: readonly LookupAddress[]): void =>
      all === true ? callback(null, [...found]) : callback(null, found[0]!.address, found[0]!.family)
    const fail = (error: NodeJS.ErrnoException): void => callback(error, '', 0)
    void lookUp(hostname, family, resolve, ranges).then(give, fail)
  }
}

async function lookUp(
  hostname: string,
  family: unknown,
  resolve: Resolve,
  ranges: readonly AddressRange[],
): Promise<readonly LookupAddress[]> {
  const addresses = await resolve(hostname)
  const bad = addresses.find(({ address }) => !isPublicAddress(address, ranges))
  // One bad address among good ones is a trap, not an accident.
  if (bad !== undefined) throw forbidden(hostname, bad.address)
  const fit = family === 4 || family === 6 ? addresses.filter((each) => each.family === family) : addresses
  if (fit.length === 0) throw Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' })
  return fit
}

function originOf({ hostname, port }: { readonly hostname: string; readonly port: string }): string {
  return URL.parse(`http://${hostname}${port === '' ? '' : `:${port}`}`)?.origin ?? ''
}

function plain(hostname: string): PosthornError {
  return new PosthornError(
    'address-forbidden',
    `${hostname} is called over plain http, which is for addresses that the operator allowed`,
    { details: { hostname } },
  )
}

/** The address is not told: what went wrong is shown to who made the endpoint, and he could ask for any name of the inner network. */
function forbidden(hostname: string, address: string): PosthornError {
  return new PosthornError('address-forbidden', `${hostname} is at no public address`, {
    details: { hostname, address },
  })
}
