/**
 * Where values stand in the text of a JSON object or array, so that an event's data is taken over byte for byte and never
 * re-serialised. The text must be known to be valid JSON: nothing is checked here.
 */

export interface Span {
  readonly start: number
  readonly end: number
}

/** By member name. Of a name that occurs twice the last counts, as for JSON.parse. */
export function memberSpans(text: string, from: number = 0): ReadonlyMap<string, Span> {
  const spans = new Map<string, Span>()
  let at = skipSpace(text, text.indexOf('{', from) + 1)
  while (text[at] === '"') {
    const nameEnd = skipString(text, at)
    const name = JSON.parse(text.slice(at, nameEnd)) as string
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const end = skipValue(text, start)
    spans.set(name, { start, end })
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return spans
}

/** In order. */
export function itemSpans(text: string): readonly Span[] {
  const spans: Span[] = []
  let at = skipSpace(text, text.indexOf('[') + 1)
  while (at < text.length && text[at] !== ']') {
    const end = skipValue(text, at)
    spans.push({ start: at, end })
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return spans
}

function skipValue(text: string, start: number): number {
  const first = text[start]
  if (first === '"') return skipString(text, start)
  let at = start
  if (first !== '{' && first !== '[') {
    while (at < text.length && !',]} \t\n\r'.includes(text[at]!)) at++
    return at
  }
  for (let depth = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') at = skipString(text, at) - 1
    else if (character === '{' || character === '[') depth++
    else if ((character === '}' || character === ']') && --depth === 0) return at + 1
  }
  return at
}

function skipString(text: string, start: number): number {
  let at = text.indexOf('"', start + 1)
  while (isEscaped(text, at)) at = text.indexOf('"', at + 1)
  return at + 1
}

/** A quote is escaped where an odd number of backslashes stands before it. */
function isEscaped(text: string, at: number): boolean {
  let before = at
  while (text[before - 1] === '\\') before--
  return (at - before) % 2 === 1
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++
  return at
}
