/**
 * WeChat Pay v3: signed with one of the platform's RSA keys, which the request names, and with its `resource` sealed by the merchant's
 * own key. The platform also sends requests with signatures that are wrong on purpose; a receiver that takes one is told off.
 */
import { decryptGcm, encryptGcm } from '../aes.ts'
import { fromBase64, toBase64, toBytes, toText } from '../bytes.ts'
import { WebhookError } from '../error.ts'
import { readPrivateKey, readPublicKey } from '../pem.ts'
import { TOLERANCE_MS, type Profile } from '../profile.ts'

export interface WechatPaySecret {
  /** The platform's public key or certificate: PEM, or bare base64. To verify. */
  readonly publicKey?: string | undefined
  /** PKCS #8: PEM, or bare base64. To sign. */
  readonly privateKey?: string | undefined
  /** The serial number or key id that the request names; without one, the key is tried for all. */
  readonly serial?: string | undefined
  /** The API v3 key, 32 characters: opens `resource`. Without it, `resource` stays sealed. */
  readonly apiKey?: string | undefined
}

interface Sealed {
  readonly algorithm: string
  readonly ciphertext: string
  readonly nonce: string
  readonly associated_data?: string
}

export const wechatPay: Profile<WechatPaySecret> = {
  name: 'wechat-pay',
  id: [{ json: ['id'] }],
  type: [{ json: ['event_type'] }],
  timestamp: { header: 'wechatpay-timestamp', unit: 's' },
  nonce: { header: 'wechatpay-nonce' },
  keyId: { header: 'wechatpay-serial' },
  signature: { header: 'wechatpay-signature', encoding: 'base64', labels: { '': 'rsa-sha256' } },
  signed: '{timestamp}\n{nonce}\n{body}\n',
  toleranceMs: TOLERANCE_MS,
  read: ({ publicKey, privateKey, serial, apiKey }) => {
    if (apiKey !== undefined && toBytes(apiKey).length !== 32)
      throw new WebhookError('invalid-secret', 'apiKey is 32 bytes')
    return [
      {
        algorithm: 'rsa-sha256',
        publicKey: publicKey === undefined ? undefined : readPublicKey(publicKey),
        privateKey: privateKey === undefined ? undefined : readPrivateKey(privateKey),
        id: serial,
      },
    ]
  },
  open: async (body, { apiKey }) => {
    const notice = parse(body)
    const { resource } = notice
    if (apiKey === undefined || !isSealed(resource)) return body
    const sealed = fromBase64(resource.ciphertext) ?? new Uint8Array()
    const iv = toBytes(resource.nonce)
    const plain = await decryptGcm(toBytes(apiKey), iv, sealed, toBytes(resource.associated_data ?? ''))
    return toBytes(JSON.stringify({ ...notice, resource: JSON.parse(toText(plain)) as unknown }))
  },
  seal: async (body, { apiKey }) => {
    const notice = parse(body)
    if (apiKey === undefined || typeof notice.resource !== 'object') return body
    const nonce = crypto.randomUUID().slice(0, 12)
    const { resource_type: kind } = notice
    const associated = typeof kind === 'string' ? kind : 'resource'
    const plain = toBytes(JSON.stringify(notice.resource))
    const sealed = await encryptGcm(toBytes(apiKey), toBytes(nonce), plain, toBytes(associated))
    const resource: Sealed = {
      algorithm: 'AEAD_AES_256_GCM',
      ciphertext: toBase64(sealed),
      nonce,
      associated_data: associated,
    }
    return toBytes(JSON.stringify({ ...notice, resource }))
  },
  refused: (status, detail) => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code: 'FAIL', message: detail }),
  }),
  answerWithinMs: 4_000,
  repeatedForMs: 2 * 86_400_000,
}

function parse(body: Uint8Array): { readonly resource?: unknown; readonly [member: string]: unknown } {
  const notice: unknown = JSON.parse(toText(body))
  if (typeof notice !== 'object' || notice === null || Array.isArray(notice)) throw new TypeError('not an object')
  return notice as Record<string, unknown>
}

function isSealed(resource: unknown): resource is Sealed {
  const members = resource as Partial<Sealed> | null | undefined
  return typeof members?.ciphertext === 'string' && typeof members.nonce === 'string'
}
