/**
 * Tickets: what a browser shows where it cannot send a header, as with EventSource. Each is good for one request to a stream within a
 * minute, so that what ends up in a log or a history is worth nothing.
 */
import { createHash } from 'node:crypto'
import type { Principal } from '../../app/index.ts'
import type { Clock } from '../../core/clock.ts'
import { PosthornError } from '../../core/error.ts'
import { secretBytes } from '../../core/id.ts'

const BYTES = 24
const VALID_MS = 60_000
/** Beyond it the oldest are void. */
const MOST = 10_000

interface Issued {
  readonly principal: Principal
  readonly untilMs: number
}

export class Tickets {
  readonly #clock: Clock
  /** By digest: what could be read here opens nothing. The oldest come first. */
  readonly #issued = new Map<string, Issued>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  issue(principal: Principal): { readonly ticket: string; readonly expiresAt: number } {
    const nowMs = this.#clock.monotonicMs()
    for (const [digest, { untilMs }] of this.#issued) {
      if (untilMs > nowMs && this.#issued.size < MOST) break
      this.#issued.delete(digest)
    }
    const ticket = Buffer.from(secretBytes(BYTES)).toString('base64url')
    this.#issued.set(digestOf(ticket), { principal, untilMs: nowMs + VALID_MS })
    return { ticket, expiresAt: this.#clock.wallMs() + VALID_MS }
  }

  /** Who it was issued to; it is void from now on. @throws PosthornError `unauthorized` */
  take(ticket: string): Principal {
    const digest = digestOf(ticket)
    const issued = this.#issued.get(digest)
    this.#issued.delete(digest)
    if (issued !== undefined && issued.untilMs > this.#clock.monotonicMs()) return issued.principal
    throw new PosthornError(
      'unauthorized',
      'this ticket is not known here, is older than a minute or was used: POST /v1/tickets gives another',
    )
  }
}

function digestOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('base64url')
}
