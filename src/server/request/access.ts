/**
 * Who asks. With keys: whoever shows one, the platform's or an app's. Without: only this machine, and no web page of another origin that a
 * browser on this machine has open (DNS rebinding shows in Host, cross-site requests in Origin); a key of an app makes it that app.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { looksLikeAppKey, PLATFORM, type KeyRing, type Principal } from '../../app/index.ts'
import { PosthornError } from '../../core/error.ts'

export interface Access {
  /** Whether the platform has keys; apps have theirs in any case. */
  readonly hasKeys: boolean
  /** Who asks. @throws PosthornError `unauthorized`, `app-paused`, `forbidden-host`, `forbidden-origin` */
  check(request: Request, url: URL): Principal | Promise<Principal>
}

const SHORTEST_KEY = 16
const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** @throws PosthornError `invalid-option` for a key that is too short or cannot ride in a header */
export function createAccess(key: string | readonly string[] | undefined, apps: Pick<KeyRing, 'check'>): Access {
  const keys = (typeof key === 'string' ? [key] : (key ?? [])).map(digestOfKey)
  return {
    hasKeys: keys.length > 0,
    check(request, url) {
      if (keys.length === 0) checkLoopback(request, url)
      const given = keyOf(request)
      if (given !== null && looksLikeAppKey(given)) return apps.check(given)
      if (keys.length > 0) checkKey(given, keys)
      return PLATFORM
    },
  }
}

export function isLoopbackHost(host: string): boolean {
  return host === '::1' || LOOPBACK.test(host.toLowerCase())
}

function keyOf(request: Request): string | null {
  return /^Bearer +([^\s]+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? null
}

function checkKey(key: string | null, keys: readonly Buffer[]): void {
  if (key === null) throw new PosthornError('unauthorized', "send the header 'Authorization: Bearer KEY'")
  const given = digest(key)
  let known = false
  // All are compared, so that the time tells nothing about which.
  for (const each of keys) known = timingSafeEqual(given, each) || known
  if (!known) throw new PosthornError('unauthorized', 'this key is not known here')
}

function checkLoopback(request: Request, url: URL): void {
  const host = request.headers.get('host')
  // They differ where the request line names a host of its own.
  const asked = host === null || host === url.host ? url : URL.parse(`${url.protocol}//${host}`)
  for (const each of [url, asked]) {
    if (each === null || !isLoopbackHost(each.hostname))
      throw new PosthornError(
        'forbidden-host',
        `the request is for ${JSON.stringify(host ?? url.host)}: without keys only localhost and loopback addresses are answered`,
      )
  }
  const origin = request.headers.get('origin')
  if (origin !== null && origin !== asked!.origin)
    throw new PosthornError(
      'forbidden-origin',
      `the request comes from a page of ${JSON.stringify(origin)}, which is not this server's own`,
    )
}

function digestOfKey(key: string): Buffer {
  if (key.length < SHORTEST_KEY || !/^[\x21-\x7e]+$/.test(key))
    throw new PosthornError(
      'invalid-option',
      `key has ${key.length} characters: it must be at least ${SHORTEST_KEY} printable ASCII characters without a space, like 32 random bytes in base64url`,
      { details: { field: 'key' } },
    )
  return digest(key)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
