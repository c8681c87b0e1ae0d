/**
 * Consent that comes later (CloudEvents WebHook 1.0, 4.1.1): who asks a receiver names an address of its own, and the receiver, or a person who
 * finds that address in its log, calls it. The address holds a sealed note of what was asked: nothing is stored, and nobody can make one up.
 */
import type { StoredEndpoint, Verified } from '../endpoint/endpoint.ts'
import type { EndpointStore } from '../endpoint/store.ts'
import type { Seal } from '../secret/seal.ts'

interface Asked {
  readonly id: string
  readonly incarnation: string
  readonly url: string
  /** Deliveries a minute that were asked for; null: as many as it likes. */
  readonly ratePerMinute: number | null
  readonly at: number
}

const PURPOSE = 'webhook-grant'
const LONGEST = 8_192
const GOOD_FOR_MS = 7 * 86_400_000

export function makeGrantToken(
  seal: Seal,
  { id, incarnation, url }: StoredEndpoint,
  ratePerMinute: number | null,
  at: number,
): string {
  const asked: Asked = { id, incarnation, url, ratePerMinute, at }
  return Buffer.from(seal.seal(PURPOSE, asked)).toString('base64url')
}

/**
 * What the receiver grants holds from now on, and may be changed by the same address; null where nobody asked this, or too long ago, or of an
 * endpoint that has gone or moved since, or consented to something that was asked later: who finds an old address undoes nothing.
 * @param rate what it says of the rate; undefined: nothing, which grants what was asked for
 */
export async function takeGrant(
  store: EndpointStore,
  token: string,
  rate: number | null | undefined,
  nowMs: number,
): Promise<Verified | null> {
  const asked = typeof token !== 'string' || token.length > LONGEST ? null : read(await store.seal(), token)
  if (asked === null || asked.at < nowMs - GOOD_FOR_MS) return null
  if ((await store.get(asked.id)) === null) return null
  const verified: Verified = {
    by: 'handshake',
    at: nowMs,
    ratePerMinute: rate === undefined ? asked.ratePerMinute : rate,
    askedAt: asked.at,
  }
  const { endpoint } = await store.change(asked.id, (current) =>
    isOf(asked, current) && !isSame(current.verified, verified) ? { endpoint: { ...current, verified } } : null,
  )
  return isOf(asked, endpoint) && isSame(endpoint.verified, verified) ? endpoint.verified : null
}

function isOf({ incarnation, url, at }: Asked, endpoint: StoredEndpoint): boolean {
  const { verified } = endpoint
  const isOld = verified !== null && (verified.askedAt ?? verified.at) > at
  return endpoint.incarnation === incarnation && endpoint.url === url && !isOld
}

/** Said again, it is not written again. */
const isSame = (known: Verified | null, { askedAt, ratePerMinute }: Verified): boolean =>
  known?.askedAt === askedAt && known?.ratePerMinute === ratePerMinute

function read(seal: Seal, token: string): Asked | null {
  try {
    return seal.open(PURPOSE, Buffer.from(token, 'base64url')) as Asked
  } catch {
    return null
  }
}
