/** What a signature is over, from a profile's template, read once, and the parts of one request. */
import { concat, toBytes } from './bytes.ts'
import type { Parts, Profile } from './profile.ts'

export interface SignedForm {
  /** The variants of the bytes that may have been signed, nearly always one. */
  readonly variants: (parts: Parts) => readonly Uint8Array<ArrayBuffer>[]
  /** Whether this part may be in it; what is not is not looked for before the signature is known to fit. */
  readonly uses: (part: keyof Parts) => boolean
  /** Whether a request must have this part. */
  readonly needs: (part: keyof Parts) => boolean
  /**
   * What must not stand in a part, because it is what separates that part from the next: with it, two different requests could have
   * the same signed bytes. Empty where anything may.
   */
  readonly separatorAfter: (part: keyof Parts) => string
}

type Piece = keyof Parts | { readonly text: string }

export function readSigned(signed: Profile['signed']): SignedForm {
  if (typeof signed !== 'string')
    return { variants: signed, uses: () => true, needs: () => false, separatorAfter: () => '' }
  const pieces = split(signed)
  return {
    variants: (parts) => [build(pieces, parts)],
    uses: (part) => pieces.includes(part),
    needs: (part) => pieces.includes(part),
    separatorAfter: (part) => {
      const next = pieces[pieces.indexOf(part) + 1]
      return pieces.includes(part) && typeof next === 'object' ? next.text : ''
    },
  }
}

function build(pieces: readonly Piece[], parts: Parts): Uint8Array<ArrayBuffer> {
  if (pieces.length === 1 && pieces[0] === 'body') return parts.body
  const done: Uint8Array[] = []
  let text = ''
  for (const piece of pieces) {
    if (piece === 'body') {
      done.push(toBytes(text), parts.body)
      text = ''
    } else text += typeof piece === 'object' ? piece.text : parts[piece]
  }
  return concat(...done, toBytes(text))
}

function split(template: string): readonly Piece[] {
  return template
    .split(/(\{[a-z]+\})/)
    .filter((piece) => piece !== '')
    .map((piece) => (piece.startsWith('{') ? (piece.slice(1, -1) as keyof Parts) : { text: piece }))
}
