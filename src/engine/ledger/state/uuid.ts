/** UUIDs as four 32-bit words, which is how the ledger keeps them, and back. */

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

const DIGITS: Uint8Array = new Uint8Array(128)
for (let digit = 0; digit < 16; digit++) DIGITS[digit.toString(16).charCodeAt(0)] = digit

/** The words of the id parsed last. Read them before the next call. */
export const words: Uint32Array = new Uint32Array(4)

/** Parses a UUID in its canonical form, which the caller has checked, into `words`. */
export function parseUuid(text: string): void {
  words[0] = hex(text, 0) * 0x1_0000 + hex(text, 4)
  words[1] = hex(text, 9) * 0x1_0000 + hex(text, 14)
  words[2] = hex(text, 19) * 0x1_0000 + hex(text, 24)
  words[3] = hex(text, 28) * 0x1_0000 + hex(text, 32)
}

export function formatUuid(id0: number, id1: number, id2: number, id3: number): string {
  return `${pair(id0 >>> 16)}${pair(id0)}-${pair(id1 >>> 16)}-${pair(id1)}-${pair(id2 >>> 16)}-${pair(id2)}${pair(id3 >>> 16)}${pair(id3)}`
}

function hex(text: string, at: number): number {
  return (
    (DIGITS[text.charCodeAt(at)]! << 12) |
    (DIGITS[text.charCodeAt(at + 1)]! << 8) |
    (DIGITS[text.charCodeAt(at + 2)]! << 4) |
    DIGITS[text.charCodeAt(at + 3)]!
  )
}

function pair(half: number): string {
  return HEX[(half >>> 8) & 0xff]! + HEX[half & 0xff]!
}
