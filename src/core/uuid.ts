/** UUIDs as four 32-bit words, which is how engines keep them, and back. */

const HEX: Uint8Array = Buffer.from('0123456789abcdef', 'latin1')

/** No digit: outside of what four bits can hold. */
const NONE = 0xff
const DIGITS: Uint8Array = new Uint8Array(128).fill(NONE)
for (let digit = 0; digit < 16; digit++) DIGITS[digit.toString(16).charCodeAt(0)] = digit

const DASH = 45

/** The words of the id parsed last. Read them before the next call. */
export const words: Uint32Array = new Uint32Array(4)

/** What was parsed last: one message's id is asked for several times in a row. */
let parsed = ''
/** Bits that no digit has, of all characters looked at. */
let odd = 0

/** Parses a UUID in its canonical, lower-case form into `words`; false where the text is another thing. */
export function parseUuid(text: string): boolean {
  if (text === parsed) return text !== ''
  parsed = ''
  if (typeof text !== 'string' || text.length !== 36) return false
  odd = 0
  words[0] = hex(text, 0) * 0x1_0000 + hex(text, 4)
  words[1] = hex(text, 9) * 0x1_0000 + hex(text, 14)
  words[2] = hex(text, 19) * 0x1_0000 + hex(text, 24)
  words[3] = hex(text, 28) * 0x1_0000 + hex(text, 32)
  const isDashed =
    text.charCodeAt(8) === DASH &&
    text.charCodeAt(13) === DASH &&
    text.charCodeAt(18) === DASH &&
    text.charCodeAt(23) === DASH
  if (odd !== 0 || !isDashed) return false
  parsed = text
  return true
}

const characters = Buffer.alloc(36, '-') as Buffer & { latin1Slice(from: number, to: number): string }

/** Made of bytes and not of pieces of text, which would stay a tree of them. */
export function formatUuid(id0: number, id1: number, id2: number, id3: number): string {
  put(id0 >>> 16, 0)
  put(id0, 4)
  put(id1 >>> 16, 9)
  put(id1, 14)
  put(id2 >>> 16, 19)
  put(id2, 24)
  put(id3 >>> 16, 28)
  put(id3, 32)
  return characters.latin1Slice(0, 36)
}

function hex(text: string, at: number): number {
  const code0 = text.charCodeAt(at)
  const code1 = text.charCodeAt(at + 1)
  const code2 = text.charCodeAt(at + 2)
  const code3 = text.charCodeAt(at + 3)
  const digit0 = DIGITS[code0 & 0x7f]!
  const digit1 = DIGITS[code1 & 0x7f]!
  const digit2 = DIGITS[code2 & 0x7f]!
  const digit3 = DIGITS[code3 & 0x7f]!
  odd |= ((digit0 | digit1 | digit2 | digit3) & 0xf0) | ((code0 | code1 | code2 | code3) & ~0x7f)
  return (digit0 << 12) | (digit1 << 8) | (digit2 << 4) | digit3
}

function put(half: number, at: number): void {
  characters[at] = HEX[(half >>> 12) & 0xf]!
  characters[at + 1] = HEX[(half >>> 8) & 0xf]!
  characters[at + 2] = HEX[(half >>> 4) & 0xf]!
  characters[at + 3] = HEX[half & 0xf]!
}
