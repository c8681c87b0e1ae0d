/** What a signature is over, from a profile's template, read once, and the parts of one request. */
import { concat, toBytes } from './bytes.ts'
import type { Parts, Profile } from './profile.ts'

export interface SignedForm {
  /** The variants of the bytes that may have been signed, nearly always one. */
  readonly variants: (parts: Parts) => readonly Uint8Array<ArrayBuffer>[]
  /** The texts before and after the body; null where a function makes what is signed, or the body is not in it once. */
  readonly around: { readonly before: TextOf; readonly after: TextOf } | null
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

type TextOf = (parts: Omit<Parts, 'body'>) => string

type Piece = keyof Parts | { readonly text: string }

export function readSigned(signed: Profile['signed']): SignedForm {
  if (typeof signed !== 'string')
    return { variants: signed, around: null, uses: () => true, needs: () => false, separatorAfter: () => '' }
  const pieces = split(signed)
  const separators = separatorsOf(pieces)
  return {
    variants: (parts) => [build(pieces, parts)],
    around: around(pieces),
    uses: (part) => pieces.includes(part),
    needs: (part) => pieces.includes(part),
    separatorAfter: (part) => separators.get(part) ?? '',
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

function around(pieces: readonly Piece[]): SignedForm['around'] {
  const at = pieces.indexOf('body')
  if (at === -1 || pieces.lastIndexOf('body') !== at) return null
  const [before, after] = [pieces.slice(0, at), pieces.slice(at + 1)]
  return { before: (parts) => textOf(before, parts), after: (parts) => textOf(after, parts) }
}

/** The text behind the first of each part. */
function separatorsOf(pieces: readonly Piece[]): ReadonlyMap<keyof Parts, string> {
  const separators = new Map<keyof Parts, string>()
  pieces.forEach((piece, at) => {
    const next = pieces[at + 1]
    if (typeof piece !== 'object' && !separators.has(piece))
      separators.set(piece, typeof next === 'object' ? next.text : '')
  })
  return separators
}

function textOf(pieces: readonly Piece[], parts: Omit<Parts, 'body'>): string {
  let text = ''
  for (const piece of pieces) if (piece !== 'body') text += typeof piece === 'object' ? piece.text : parts[piece]
  return text
}

function split(template: string): readonly Piece[] {
  return template
    .split(/(\{[a-z]+\})/)
    .filter((piece) => piece !== '')
    .map((piece) => (piece.startsWith('{') ? (piece.slice(1, -1) as keyof Parts) : { text: piece }))
}
