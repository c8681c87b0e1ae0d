/** The bytes that a signature is over, from a profile's template and the parts of one request. */
import { concat, toBytes } from './bytes.ts'
import type { Parts, Profile } from './profile.ts'

type Piece = keyof Parts | { readonly text: string }

/** The variants that may have been signed, nearly always one. */
export function toSigned(signed: Profile['signed'], parts: Parts): readonly Uint8Array<ArrayBuffer>[] {
  if (typeof signed !== 'string') return signed(parts)
  const pieces = split(signed).map((piece) => {
    if (typeof piece === 'object') return toBytes(piece.text)
    return piece === 'body' ? parts.body : toBytes(parts[piece])
  })
  return [pieces.length === 1 && pieces[0] ? pieces[0] : concat(...pieces)]
}

export function uses(signed: Profile['signed'], part: keyof Parts): boolean {
  return typeof signed !== 'string' || signed.includes(`{${part}}`)
}

/**
 * What must not stand in a part, because it is what separates that part from the next: with it, two different requests could have
 * the same signed bytes.
 */
export function separatorAfter(signed: Profile['signed'], part: keyof Parts): string {
  if (typeof signed !== 'string') return ''
  const pieces = split(signed)
  const next = pieces[pieces.indexOf(part) + 1]
  return pieces.includes(part) && typeof next === 'object' ? next.text : ''
}

function split(template: string): readonly Piece[] {
  return template
    .split(/(\{[a-z]+\})/)
    .filter((piece) => piece !== '')
    .map((piece) => (piece.startsWith('{') ? (piece.slice(1, -1) as keyof Parts) : { text: piece }))
}
