/**
 * DingTalk's HTTP callbacks: a SHA-1 over token, time, nonce and the sealed text, sorted, in the query; and only an answer that is
 * sealed and signed in the same way counts as an acknowledgement.
 */
import { decryptBlocks, encryptBlocks, pad, unpad } from '../aes.ts'
import { concat, fromBase64, toBase64, toBytes, toHex, toText } from '../bytes.ts'
import { isEqual } from '../equal.ts'
import { WebhookError } from '../error.ts'
import { parseJson } from '../request.ts'
import { TOLERANCE_MS, type Profile } from '../profile.ts'

export interface DingtalkSecret {
  readonly token: string
  /** 43 characters: a base64 without its last one. */
  readonly aesKey: string
  /** The app key, suite key or corporation id that the callback is for. */
  readonly owner: string
}

type Bytes = Uint8Array<ArrayBuffer>

const PADDING = 32
const RANDOM = 16

export const dingtalk: Profile<DingtalkSecret> = {
  name: 'dingtalk',
  id: [{ json: ['eventId'] }, { json: ['EventId'] }],
  type: [{ json: ['EventType'] }],
  timestamp: { query: 'timestamp', unit: 'ms' },
  nonce: { query: 'nonce' },
  signature: { query: 'msg_signature', encoding: 'hex', labels: { '': 'sha1' } },
  signed: ({ secret, timestamp, nonce, body }) => [toSigned(secret, timestamp, nonce, sealedText(body))],
  toleranceMs: TOLERANCE_MS,
  read: (secret) => {
    const { token, owner } = secret
    if (typeof token !== 'string' || typeof owner !== 'string')
      throw new WebhookError('invalid-secret', 'token, aesKey and owner must be texts')
    aesKeyOf(secret)
    return [{ algorithm: 'sha1', text: token }]
  },
  open: async (body, secret) => unseal(sealedText(body), secret),
  seal: async (body, secret) => toBytes(JSON.stringify({ encrypt: await seal(body, secret) })),
  challenge: ({ type }) => (type === 'check_url' ? 'accepted' : null),
  accepted: async (secret, nowMs) => {
    const encrypt = await seal(toBytes('success'), secret)
    const timeStamp = String(nowMs)
    const nonce = crypto.randomUUID().slice(0, 8)
    const digest = await crypto.subtle.digest('SHA-1', toSigned(secret.token, timeStamp, nonce, encrypt))
    const body = JSON.stringify({ msg_signature: toHex(new Uint8Array(digest)), timeStamp, nonce, encrypt })
    return { status: 200, headers: { 'content-type': 'application/json' }, body }
  },
  answerWithinMs: 1_200,
  repeatedForMs: 2 * 86_400_000,
}

function toSigned(token: string, timestamp: string, nonce: string, encrypt: string): Bytes {
  return toBytes([token, timestamp, nonce, encrypt].toSorted().join(''))
}

function sealedText(body: Uint8Array): string {
  const { encrypt } = (parseJson(body) as { readonly encrypt?: unknown } | null | undefined) ?? {}
  if (typeof encrypt === 'string') return encrypt
  throw new WebhookError('missing-part', 'the member encrypt of the body is missing, which dingtalk always has')
}

/** Random bytes, the length of the text, the text, and whom it is for. */
async function seal(plain: Bytes, secret: DingtalkSecret): Promise<string> {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, plain.length)
  const random = crypto.getRandomValues(new Uint8Array(RANDOM))
  const key = aesKeyOf(secret)
  const whole = pad(concat(random, length, plain, toBytes(secret.owner)), PADDING)
  return toBase64(await encryptBlocks(key, key.slice(0, 16), whole))
}

async function unseal(encrypt: string, secret: DingtalkSecret): Promise<Bytes> {
  const key = aesKeyOf(secret)
  const sealed = fromBase64(encrypt) ?? new Uint8Array()
  const whole = unpad(await decryptBlocks(key, key.slice(0, 16), sealed), PADDING)
  const end = RANDOM + 4 + new DataView(whole.buffer).getUint32(RANDOM)
  if (!isEqual(whole.slice(end), toBytes(secret.owner)))
    throw new WebhookError('invalid-body', 'the event is for another owner than that of the secret')
  const plain = whole.slice(RANDOM + 4, end)
  toText(plain)
  return plain
}

function aesKeyOf({ aesKey }: DingtalkSecret): Bytes {
  const isKey = typeof aesKey === 'string' && /^[A-Za-z0-9+/]{43}$/.test(aesKey)
  if (!isKey) throw new WebhookError('invalid-secret', 'aesKey is 43 letters of base64')
  // Not `fromBase64`: the platform's keys may carry bits in their last letter that no byte has.
  return Uint8Array.from(atob(`${aesKey}=`), (letter) => letter.charCodeAt(0))
}
