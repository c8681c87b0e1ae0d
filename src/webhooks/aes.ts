/** AES as platforms seal bodies with it. WebCrypto knows only PKCS #7 to 16 bytes, and some platforms pad to 32. */
import { concat } from './bytes.ts'

type Bytes = Uint8Array<ArrayBuffer>

const BLOCK = 16

/** CBC over whole blocks, without any padding. */
export async function encryptBlocks(key: Bytes, iv: Bytes, plain: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey('raw', key, 'AES-CBC', false, ['encrypt'])
  const padded = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, imported, plain))
  return padded.slice(0, plain.length)
}

/** @throws where it is not whole blocks */
export async function decryptBlocks(key: Bytes, iv: Bytes, sealed: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey('raw', key, 'AES-CBC', false, ['encrypt', 'decrypt'])
  // One more block that decrypts to nothing but padding: WebCrypto takes that off and leaves everything before it as it is.
  const last = sealed.length === 0 ? iv : sealed.slice(-BLOCK)
  const padding = new Uint8Array(
    await crypto.subtle.encrypt({ name: 'AES-CBC', iv: last }, imported, new Uint8Array(0)),
  )
  return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-CBC', iv }, imported, concat(sealed, padding)))
}

export function pad(plain: Bytes, size: number): Bytes {
  const count = size - (plain.length % size)
  return concat(plain, new Uint8Array(count).fill(count))
}

/** @throws TypeError where the padding is none */
export function unpad(padded: Bytes, size: number): Bytes {
  const count = padded.at(-1) ?? 0
  const isPadding = count >= 1 && count <= size && padded.slice(-count).every((byte) => byte === count)
  if (!isPadding) throw new TypeError('the padding is damaged')
  return padded.slice(0, -count)
}

/** GCM with its 16 bytes of tag at the end. */
export async function encryptGcm(key: Bytes, iv: Bytes, plain: Bytes, additionalData: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt'])
  return new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, imported, plain))
}

/** @throws where the tag does not fit */
export async function decryptGcm(key: Bytes, iv: Bytes, sealed: Bytes, additionalData: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt'])
  return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, imported, sealed))
}
