/** Failures within their bounds, as every engine keeps them: message and stack have 1 KiB together. */
import { FAILURE_BYTES, type Failure } from '../../core/message.ts'

const CODE_CHARACTERS = 200

export function cutFailure({ code, message, stack }: Failure): Failure {
  const kept = cutText(message, FAILURE_BYTES)
  const left = FAILURE_BYTES - Buffer.byteLength(kept)
  const failure = { code: cutCode(code), message: kept }
  return stack === undefined || left === 0 ? failure : { ...failure, stack: cutText(stack, left) }
}

export const cutCode = (code: string): string => code.slice(0, CODE_CHARACTERS)

/** The text, cut to so many bytes of UTF-8 between characters. */
export function cutText(text: string, bytes: number): string {
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) return text
  const encoded = Buffer.from(text.slice(0, bytes))
  let length = Math.min(bytes, encoded.length)
  while (length > 0 && length < encoded.length && (encoded[length]! & 0xc0) === 0x80) length--
  return encoded.toString('utf8', 0, length)
}
