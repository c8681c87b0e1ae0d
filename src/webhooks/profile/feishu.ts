/**
 * Feishu and Lark events with an Encrypt Key: a digest that has the key in it, over a body sealed with AES-256-CBC. The question asked
 * when an address is set comes sealed too, but need not be signed; who can seal has the key.
 */
import { decryptBlocks, encryptBlocks, pad, unpad } from '../aes.ts'
import { concat, fromBase64, toBase64, toBytes, toText } from '../bytes.ts'
import { isEqual } from '../equal.ts'
import { WebhookError } from '../error.ts'
import { parseJson } from '../request.ts'
import { TOLERANCE_MS, type Answer, type Profile } from '../profile.ts'

export interface FeishuSecret {
  readonly encryptKey: string
  /** If given, each event must name it as well. */
  readonly verificationToken?: string | undefined
}

const BLOCK = 16

export const feishu: Profile<FeishuSecret> = {
  name: 'feishu',
  id: [{ json: ['header', 'event_id'] }, { json: ['uuid'] }],
  type: [{ json: ['header', 'event_type'] }, { json: ['event', 'type'] }, { json: ['type'] }],
  timestamp: { header: 'x-lark-request-timestamp', unit: 's' },
  nonce: { header: 'x-lark-request-nonce' },
  signature: { header: 'x-lark-signature', encoding: 'hex', labels: { '': 'sha256' } },
  signed: '{timestamp}{nonce}{secret}{body}',
  toleranceMs: TOLERANCE_MS,
  read: ({ encryptKey }) => {
    if (typeof encryptKey !== 'string') throw new WebhookError('invalid-secret', 'encryptKey must be a text')
    return [{ algorithm: 'sha256', text: encryptKey }]
  },
  open: async (body, secret) => {
    const opened = await unseal(body, secret)
    if (!hasToken(opened, secret)) throw new WebhookError('invalid-body', 'the event names another verification token')
    return opened
  },
  seal: async (body, { encryptKey }) => {
    const iv = crypto.getRandomValues(new Uint8Array(BLOCK))
    const sealed = concat(iv, await encryptBlocks(await aesKey(encryptKey), iv, pad(body, BLOCK)))
    return toBytes(JSON.stringify({ encrypt: toBase64(sealed) }))
  },
  challenge: ({ body }) => answer(body),
  unsignedChallenge: async ({ body, headers }, secret) => {
    if (headers.has('x-lark-signature')) return null
    const opened = await unseal(body, secret).catch(() => null)
    // Unsealed it is no proof of the key, so an event in the clear is none.
    return opened && opened !== body && hasToken(opened, secret) ? answer(opened) : null
  },
  accepted: { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' },
  answerWithinMs: 2_500,
  repeatedForMs: 8 * 86_400_000,
}

interface Members {
  readonly encrypt?: unknown
  readonly type?: unknown
  readonly challenge?: unknown
  readonly token?: unknown
  readonly header?: { readonly token?: unknown } | null
}

function membersOf(body: Uint8Array): Members {
  return (parseJson(body) as Members | null | undefined) ?? {}
}

async function unseal(body: Uint8Array<ArrayBuffer>, { encryptKey }: FeishuSecret): Promise<Uint8Array<ArrayBuffer>> {
  const { encrypt } = membersOf(body)
  if (typeof encrypt !== 'string') return body
  const sealed = fromBase64(encrypt)
  if (!sealed || sealed.length <= BLOCK) throw new TypeError('encrypt is not sealed text')
  const plain = await decryptBlocks(await aesKey(encryptKey), sealed.slice(0, BLOCK), sealed.slice(BLOCK))
  const opened = unpad(plain, BLOCK)
  // Another key passes the padding once in 256 times.
  JSON.parse(toText(opened))
  return opened
}

async function aesKey(encryptKey: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', toBytes(encryptKey)))
}

function hasToken(body: Uint8Array, { verificationToken }: FeishuSecret): boolean {
  if (verificationToken === undefined) return true
  const { token, header } = membersOf(body)
  const named = token ?? header?.token
  return typeof named === 'string' && isEqual(toBytes(named), toBytes(verificationToken))
}

function answer(body: Uint8Array): Answer | null {
  const { type, challenge } = membersOf(body)
  if (type !== 'url_verification' || typeof challenge !== 'string') return null
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ challenge }) }
}
