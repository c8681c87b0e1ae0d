/**
 * The log of attempts: what was called when, what came back. Each is written in the commit that settles its message, so that neither is
 * without the other. Rings of records bound it: the newest of those that succeeded, and more of those that did not.
 */
import type { Change, Engine } from '../../core/engine.ts'
import { fromJsonBytes, textBytes } from '../../core/json.ts'
import type { StoredEndpoint } from './endpoint.ts'

export interface Attempt {
  /** A UUIDv7 of its own. */
  readonly id: string
  /** Of the event: `webhook-id`, the same at every attempt. */
  readonly message: string
  readonly event: string
  readonly type: string
  /** null: it was sent to this endpoint alone. */
  readonly topic: string | null
  /** 1 for the first. */
  readonly attempt: number
  /** Wall time at which it began. */
  readonly at: number
  readonly durationMs: number
  /** From the publish to the end of this attempt. */
  readonly sincePublishMs: number
  /** delivered · retry: it is tried again · dead: it is not, and is kept · held: it waits for the endpoint, uncounted. */
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'held'
  /** Of the answer; null: there was none. */
  readonly status: number | null
  /** Why it did not succeed. */
  readonly error: string | null
  /** When it is tried again, ms from its end; null where it is not. */
  readonly retryInMs: number | null
  /** The first bytes of the answer as text, without secrets. */
  readonly answer: string
}

/** Of most attempts. */
const ABSENT = { topic: null, status: null, error: null, retryInMs: null, answer: '' } as const
const PREFIX = 'system/attempt/'
/** Of each endpoint. */
export const KEPT_ATTEMPTS = { delivered: 50, failed: 100 } as const
const KEPT_MS = 7 * 86_400_000
/** Most that are put in the place of another expire when that one would have: nothing of when they do is to be written anew. */
const EXPIRY_STEP_MS = 3_600_000
const DIGITS = 4
/** Of a UUID the last are random. */
const INCARNATION_DIGITS = 8

type Owner = Pick<StoredEndpoint, 'id' | 'incarnation'>

/** A call that is under way when its endpoint is removed is written later: not to one that has its id then. */
const prefixOf = ({ id, incarnation }: Owner): string => `${PREFIX}${id}/${incarnation.slice(-INCARNATION_DIGITS)}/`

/** Where the next of an endpoint is written. One process goes round; several begin at places of their own. */
export class AttemptRing {
  readonly #delivered: Round
  readonly #failed: Round
  /** What an endpoint is sent is mostly of one type. */
  readonly #type = new LastQuoted()

  constructor(endpoint: Owner, start: number) {
    const prefix = prefixOf(endpoint)
    this.#delivered = new Round(`${prefix}d`, KEPT_ATTEMPTS.delivered, start)
    this.#failed = new Round(`${prefix}f`, KEPT_ATTEMPTS.failed, start)
  }

  put(attempt: Attempt): Change {
    const { at, durationMs } = attempt
    return {
      do: 'put',
      key: (attempt.outcome === 'delivered' ? this.#delivered : this.#failed).next(),
      value: textBytes(toStored(attempt, this.#type)),
      expiresAt: Math.floor((at + durationMs + KEPT_MS) / EXPIRY_STEP_MS) * EXPIRY_STEP_MS,
    }
  }
}

/** Keys that come again and again: an engine finds the one that it has sooner than another of the same letters. */
class Round {
  readonly #prefix: string
  readonly #size: number
  readonly #keys: string[] = []
  #place: number

  constructor(prefix: string, size: number, start: number) {
    this.#prefix = prefix
    this.#size = size
    this.#place = start % size
  }

  next(): string {
    this.#place = (this.#place + 1) % this.#size
    return (this.#keys[this.#place] ??= this.#prefix + String(this.#place).padStart(DIGITS, '0'))
  }
}

/** A text as JSON has it, which is made once for those that are the same one after the other. */
class LastQuoted {
  #text = ''
  #quoted = '""'

  of(text: string): string {
    if (text !== this.#text) {
      this.#text = text
      this.#quoted = JSON.stringify(text)
    }
    return this.#quoted
  }
}

/**
 * JSON, put together by hand: one is made for each call, and half of what it took was to look for its fields. What stands in `ABSENT`, or is said
 * by another field, is not written. In ids of messages, outcomes and names of topics there is nothing to quote.
 */
function toStored(attempt: Attempt, types: LastQuoted): string {
  const { id, message, event, type, topic, at, durationMs, sincePublishMs, outcome, status, error, retryInMs } = attempt
  const named = event === message ? '' : `,"event":${JSON.stringify(event)}`
  const of = topic === null ? '' : `,"topic":"${topic}"`
  let rest = status === null ? '' : `,"status":${status}`
  if (error !== null) rest += `,"error":${JSON.stringify(error)}`
  if (retryInMs !== null) rest += `,"retryInMs":${retryInMs}`
  if (attempt.answer !== '') rest += `,"answer":${JSON.stringify(attempt.answer)}`
  return `{"id":"${id}","message":"${message}"${named},"type":${types.of(type)}${of},"attempt":${attempt.attempt},"at":${at},"durationMs":${durationMs},"sincePublishMs":${sincePublishMs},"outcome":"${outcome}"${rest}}`
}

function fromStored(bytes: Uint8Array): Attempt {
  const stored = fromJsonBytes(bytes) as Pick<Attempt, 'message'> & Partial<Attempt>
  return { ...ABSENT, event: stored.message, ...stored } as Attempt
}

/** All that are kept of an endpoint, the newest first. */
export async function readAttempts(engine: Pick<Engine, 'list'>, endpoint: Owner): Promise<readonly Attempt[]> {
  const { items } = await engine.list({
    prefix: prefixOf(endpoint),
    after: null,
    limit: KEPT_ATTEMPTS.delivered + KEPT_ATTEMPTS.failed,
  })
  const attempts = items.map(({ value }) => fromStored(value))
  return attempts.sort((one, other) => (one.id < other.id ? 1 : -1))
}

/** What removes them with their endpoint. */
export async function removeAttempts(engine: Pick<Engine, 'list'>, endpoint: Owner): Promise<readonly Change[]> {
  const { items } = await engine.list({
    prefix: prefixOf(endpoint),
    after: null,
    limit: KEPT_ATTEMPTS.delivered + KEPT_ATTEMPTS.failed,
  })
  return items.map(({ key }) => ({ do: 'remove', key }))
}
