/** RSA keys as people have them: PEM, bare base64, or a certificate, of which only the key is taken. */
import { fromBase64 } from './bytes.ts'
import { WebhookError } from './error.ts'

/** The SubjectPublicKeyInfo in a PEM public key, a PEM certificate or bare base64. */
export function readPublicKey(text: string): Uint8Array<ArrayBuffer> {
  const { label, bytes } = readPem(text, 'PUBLIC KEY')
  if (label === 'PUBLIC KEY') return bytes
  if (label === 'CERTIFICATE') return keyOfCertificate(bytes)
  throw new WebhookError('invalid-secret', `a PEM of a public key or a certificate is needed, and this is: ${label}`)
}

/** The PKCS #8 in a PEM private key or bare base64. */
export function readPrivateKey(text: string): Uint8Array<ArrayBuffer> {
  const { label, bytes } = readPem(text, 'PRIVATE KEY')
  if (label === 'PRIVATE KEY') return bytes
  throw new WebhookError(
    'invalid-secret',
    `a PEM of a private key in PKCS #8 is needed, and this is: ${label} (openssl pkcs8 -topk8 -nocrypt converts)`,
  )
}

function readPem(text: string, bare: string): { readonly label: string; readonly bytes: Uint8Array<ArrayBuffer> } {
  const [, label = bare, body = text] = /^\s*-----BEGIN ([A-Z0-9 ]+)-----([^-]+)-----END \1-----\s*$/.exec(text) ?? []
  const bytes = fromBase64(body.replace(/\s+/g, ''))
  if (!bytes || bytes.length === 0) throw new WebhookError('invalid-secret', `this is no ${bare} in PEM or base64`)
  return { label, bytes }
}

/** Where the key lies in a certificate (RFC 5280): after version, serial number, algorithm, issuer, validity and subject. */
function keyOfCertificate(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const certificate = element(bytes, 0)
  let part = element(bytes, element(bytes, certificate.start).start)
  if (part.tag === 0xa0) part = element(bytes, part.end)
  for (let skipped = 0; skipped < 5; skipped += 1) part = element(bytes, part.end)
  return bytes.slice(part.from, part.end)
}

/** One element of DER: where it begins, where its content does, where it ends. */
function element(
  bytes: Uint8Array,
  from: number,
): { readonly tag: number; readonly from: number; readonly start: number; readonly end: number } {
  const first = bytes[from + 1] ?? 0
  const count = first < 0x80 ? 0 : first & 0x7f
  let length = first < 0x80 ? first : 0
  for (let at = 0; at < count; at += 1) length = length * 256 + (bytes[from + 2 + at] ?? 0)
  const start = from + 2 + count
  if (count > 4 || start + length > bytes.length)
    throw new WebhookError('invalid-secret', 'the certificate is damaged: it ends too early')
  return { tag: bytes[from] ?? 0, from, start, end: start + length }
}
