/** The `Prefer` header (RFC 7240), as far as it is understood here: `wait`. Anything else in it is ignored, as it demands. */

const LONGEST_SECONDS = 60

/** Seconds that the client would wait, at most 60; null where it has no such preference. Of two the first counts. */
export function readWait(headers: Headers): number | null {
  for (const part of (headers.get('prefer') ?? '').split(',')) {
    const match = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(;.*)?$/i.exec(part)
    if (match !== null) return Math.min(Number(match[1]), LONGEST_SECONDS)
  }
  return null
}
