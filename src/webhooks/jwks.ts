/**
 * Public keys looked up where the sender publishes them (RFC 7517), and nowhere else: never from the message. Fetched when first needed,
 * again when they are old or when nothing fitted, but never more often than `cooldownMs`, so that forged requests cost no look-ups.
 */
import { machineClock, within, type WebhookClock } from './clock.ts'
import { WebhookError } from './error.ts'
import type { PublicJwk } from './key.ts'
import type { SecretSource } from './secrets.ts'

export interface JwksOptions {
  /** After this they are fetched again before they are used. Default: ten minutes. */
  readonly maxAgeMs?: number | undefined
  /** Least time between two fetches. Default: 30 s. */
  readonly cooldownMs?: number | undefined
  /** How long keys that cannot be fetched again may be used. Default: a day. */
  readonly staleForMs?: number | undefined
  /** Default: 5 s. */
  readonly timeoutMs?: number | undefined
  readonly fetch?:
    | ((url: string, init: { readonly signal: AbortSignal; readonly redirect: 'error' }) => Promise<Response>)
    | undefined
  readonly clock?: WebhookClock | undefined
}

const MOST_BYTES = 256 * 1_024
const MOST_KEYS = 32

/** @throws WebhookError `invalid-option` at once; `keys-unavailable` when asked and there are none */
export function jwks(url: string, options: JwksOptions = {}): SecretSource<PublicJwk> {
  const address = checkUrl(url)
  const { maxAgeMs = 600_000, cooldownMs = 30_000, staleForMs = 86_400_000, clock = machineClock } = options
  let keys: readonly PublicJwk[] = []
  let freshAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  let running: Promise<void> | undefined

  const refresh = async (): Promise<void> => {
    triedAt = clock.now()
    try {
      const found = await within(clock, options.timeoutMs ?? 5_000, (signal) => fetchKeys(address, options, signal))
      // The same list, so that nothing is imported or tried again, where nothing has changed.
      if (JSON.stringify(found) !== JSON.stringify(keys)) keys = found
      freshAt = clock.now()
      failure = undefined
    } catch (error) {
      failure = error
    }
  }

  return async ({ refused }) => {
    const now = clock.now()
    const wanted = refused || now - freshAt >= maxAgeMs
    if (wanted && (running || now - triedAt >= cooldownMs))
      await (running ??= refresh().finally(() => (running = undefined)))
    if (keys.length > 0 && clock.now() - freshAt < maxAgeMs + staleForMs) return keys
    throw new WebhookError(
      'keys-unavailable',
      `no keys could be had from ${address}`,
      { url: address },
      { cause: failure },
    )
  }
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const isLocal = url !== null && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url && (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal))) return url.href
  throw new WebhookError(
    'invalid-option',
    `jwks: an https URL is needed, and this is ${JSON.stringify(text.slice(0, 200))}`,
  )
}

async function fetchKeys(url: string, options: JwksOptions, signal: AbortSignal): Promise<readonly PublicJwk[]> {
  const get = options.fetch ?? ((address, init) => fetch(address, init))
  const answer = await get(url, { signal, redirect: 'error' })
  if (!answer.ok) throw new WebhookError('keys-unavailable', `${url} answered ${answer.status}`)
  const text = await readText(answer)
  const { keys } = (JSON.parse(text) ?? {}) as { readonly keys?: unknown }
  const usable = Array.isArray(keys) ? (keys as readonly unknown[]).filter(isUsable).map(toPublic) : []
  if (usable.length === 0 || usable.length > MOST_KEYS)
    throw new WebhookError(
      'keys-unavailable',
      `${url} has ${usable.length} usable keys, and 1 to ${MOST_KEYS} are needed`,
    )
  return usable
}

async function readText(answer: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  const reader = answer.body?.getReader()
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done) return text + decoder.decode()
    size += value.byteLength
    text += decoder.decode(value, { stream: true })
    if (size <= MOST_BYTES) continue
    void reader?.cancel().catch(() => undefined)
    throw new WebhookError('keys-unavailable', `the answer has more than ${MOST_BYTES} bytes`)
  }
}

/** A key for something else than signatures, or of a kind that is not known here, is no key here. */
function isUsable(value: unknown): value is PublicJwk {
  const key = value as Partial<PublicJwk> | null
  const isForSigning = key?.use === undefined || key.use === 'sig'
  return isForSigning && key?.kty === 'OKP' && key.crv === 'Ed25519' && typeof key.x === 'string'
}

/** Private members are dropped, should a sender have published them. */
function toPublic({ kty, crv, x, kid }: PublicJwk): PublicJwk {
  return { kty, crv, x, kid }
}
