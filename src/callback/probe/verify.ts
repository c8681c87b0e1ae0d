/**
 * Whether a receiver consents to be called: the handshake of CloudEvents WebHook 1.0 (section 4) as the sender, or a challenge whose answer
 * only who has the secret, or answers at all at that address, can give.
 */
import { PosthornError } from '../../core/error.ts'
import { secretBytes } from '../../core/id.ts'
import { exchange, USER_AGENT } from '../call/exchange.ts'
import type { Verified } from '../endpoint/endpoint.ts'
import { probe, sampleCall, type ProbeDeps, type Target } from './probe.ts'

const READ_BYTES = 4_096

/** @throws PosthornError `callback-failed` where it does not consent, `unsupported` where its profile has no way to ask */
export async function verifyEndpoint(deps: ProbeDeps, target: Target): Promise<Verified> {
  const { profile, endpoint } = target
  if (profile.verification === 'handshake') return handshake(deps, target)
  if (profile.verification === 'challenge') return challenge(deps, target)
  throw new PosthornError(
    'unsupported',
    `profile '${profile.name}' of endpoint '${endpoint.id}' has no way to ask: those of CloudEvents have a handshake, 'slack', 'feishu' and 'dingtalk' a challenge; a test event shows whether it answers`,
  )
}

async function handshake(deps: ProbeDeps, { endpoint, pen, profile }: Target): Promise<Verified> {
  deps.checkUrl(endpoint.url)
  const asked = endpoint.ratePerSecond === null ? null : Math.max(1, Math.round(endpoint.ratePerSecond * 60))
  const grantUrl = (await deps.grantUrl?.(endpoint, asked)) ?? null
  const { status, headers } = await exchange(
    {
      url: endpoint.url,
      method: 'OPTIONS',
      headers: {
        'webhook-request-origin': deps.origin,
        ...(asked === null ? {} : { 'webhook-request-rate': String(asked) }),
        ...(grantUrl === null ? {} : { 'webhook-request-callback': grantUrl }),
        'user-agent': USER_AGENT,
        ...pen.headers,
      },
      body: null,
      totalMs: endpoint.timeoutMs ?? profile.timeoutMs,
      readBytes: READ_BYTES,
    },
    deps,
  )
  const origin = textOf(headers['webhook-allowed-origin'])
  // Neither a grant nor a refusal: a person, or the receiver itself, may still call back.
  if (origin === null && grantUrl !== null)
    return { by: 'handshake', at: deps.clock.wallMs(), ratePerMinute: asked, pending: true }
  // The status alone is never consent: what is granted stands in the headers.
  if (origin !== '*' && origin?.toLowerCase() !== deps.origin.toLowerCase())
    throw refused(
      endpoint.id,
      `it answered OPTIONS with ${status} and ${origin === null ? 'no WebHook-Allowed-Origin' : `a WebHook-Allowed-Origin of ${JSON.stringify(origin.slice(0, 200))}`}`,
    )
  const text = textOf(headers['webhook-allowed-rate'])
  if (text === null && asked !== null) throw refused(endpoint.id, 'it was asked for a rate, and grants none')
  const rate = text === null ? null : parseAllowedRate(text)
  if (rate === undefined)
    throw refused(
      endpoint.id,
      `its WebHook-Allowed-Rate is ${JSON.stringify(text!.slice(0, 50))}: it must be a whole number above 0, or '*'`,
    )
  return { by: 'handshake', at: deps.clock.wallMs(), ratePerMinute: rate }
}

/** null: as many as it likes; undefined: it says nothing that could be meant. */
export function parseAllowedRate(text: string): number | null | undefined {
  if (text === '*') return null
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

async function challenge(deps: ProbeDeps, target: Target): Promise<Verified> {
  const { endpoint, profile, pen } = target
  const word = Buffer.from(secretBytes(24)).toString('base64url')
  const { newest } = pen
  const token = typeof newest === 'string' ? undefined : newest['verificationToken']
  const question =
    profile.name === 'dingtalk'
      ? { EventType: 'check_url' }
      : { type: 'url_verification', challenge: word, ...(token === undefined ? {} : { token }) }
  const { answered, fault } = await probe(deps, target, sampleCall(deps, endpoint.id), {
    bytes: JSON.stringify(question),
  })
  if (fault !== null) throw refused(endpoint.id, fault)
  const isRight = profile.name === 'dingtalk' || wordOf(answered.body) === word
  if (!isRight) throw refused(endpoint.id, 'it did not give back the challenge')
  return { by: 'challenge', at: deps.clock.wallMs(), ratePerMinute: null }
}

/** As plain text, or as the member `challenge`. */
function wordOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { readonly challenge?: unknown }).challenge
  } catch {
    return body.trim()
  }
}

function textOf(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value)?.trim() ?? null
}

const refused = (id: string, why: string): PosthornError =>
  new PosthornError('callback-failed', `endpoint '${id}' did not consent: ${why}`, { details: { endpoint: id } })
