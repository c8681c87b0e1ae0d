/** Alipay's asynchronous notices: a form whose fields, sorted, are signed with RSA2, and which wants `success` as the whole answer. */
import { concat, toBytes } from '../bytes.ts'
import { WebhookError } from '../error.ts'
import { fieldOf, readForm, type Field } from '../form.ts'
import { readPrivateKey, readPublicKey } from '../pem.ts'
import { TOLERANCE_MS, type Profile } from '../profile.ts'

export interface AlipaySecret {
  /** Alipay's own public key (not the app's): PEM, certificate, or bare base64. To verify. */
  readonly publicKey?: string | undefined
  /** PKCS #8: PEM, or bare base64. To sign. */
  readonly privateKey?: string | undefined
}

export const alipay: Profile<AlipaySecret> = {
  name: 'alipay',
  id: [{ form: 'notify_id' }],
  type: [{ form: 'notify_type' }],
  timestamp: null,
  signature: { form: 'sign', encoding: 'base64', labels: { '': 'rsa-sha256' } },
  // Which of the two it is depends on the product and its age; Alipay's own library tries both as well.
  signed: ({ body }) => {
    const fields = readForm(body).filter(({ name }) => name !== 'sign')
    // Two fields of one name could be one field with an & in it, and parsers differ in which of the two they take.
    if (new Set(fields.map(({ name }) => name)).size < fields.length)
      throw new WebhookError('invalid-part', 'a field of the form comes twice')
    const kind = fieldOf(body, 'sign_type') ?? 'RSA2'
    if (kind !== 'RSA2') throw new WebhookError('invalid-part', 'the form field sign_type is not RSA2')
    const without = fields.filter(({ name }) => name !== 'sign_type')
    return without.length === fields.length ? [sorted(fields)] : [sorted(without), sorted(fields)]
  },
  toleranceMs: TOLERANCE_MS,
  read: ({ publicKey, privateKey }) => [
    {
      algorithm: 'rsa-sha256',
      publicKey: publicKey === undefined ? undefined : readPublicKey(publicKey),
      privateKey: privateKey === undefined ? undefined : readPrivateKey(privateKey),
    },
  ],
  seal: (body) => Promise.resolve(concat(body, toBytes(`${body.length > 0 ? '&' : ''}sign_type=RSA2`))),
  accepted: { status: 200, headers: { 'content-type': 'text/plain' }, body: 'success' },
  refused: (status) => ({ status, headers: { 'content-type': 'text/plain' }, body: 'fail' }),
  answerWithinMs: 8_000,
  repeatedForMs: 2 * 86_400_000,
}

function sorted(fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  const ordered = fields.toSorted((one, other) => (one.name < other.name ? -1 : Number(one.name > other.name)))
  return concat(...ordered.flatMap(({ name, value }, index) => [toBytes(`${index > 0 ? '&' : ''}${name}=`), value]))
}
