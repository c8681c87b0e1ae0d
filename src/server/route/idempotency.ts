/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): the answer of a request is stored by the very commit that
 * makes it true, so that a crash neither doubles the request nor forgets it. Refusals are not stored: they changed nothing.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import type { Change, Engine } from '../../core/engine.ts'
import { isPosthornError, PosthornError } from '../../core/error.ts'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'
import type { Answer } from './answer.ts'
import type { AnswerCount } from './answer-count.ts'

/** What a route does to have its answer remembered. */
export interface Memory {
  /** The changes that store this answer, for the commit that makes it true. */
  remember(answer: Answer): readonly Change[]
  /** The answer as it turned out, where the commit's results changed it (a duplicate's id). */
  correct(answer: Answer): Promise<void>
}

/** For requests that nobody asked to remember. */
export const noMemory: Memory = { remember: () => [], correct: async () => {} }

export interface Once {
  /** What the request is the same under: a key's scope. */
  readonly scope: string
  /** What must be the same in a repetition. */
  readonly fingerprint: string
  readonly keptMs: number
  /** Counts what is remembered for who asks. Default: that of the platform. */
  readonly count?: AnswerCount | undefined
  run(memory: Memory): Promise<Answer>
}

interface Stored {
  readonly fingerprint: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How long an answer is remembered. */
export const KEPT_MS: number = 24 * 3_600_000
const KEY_TEXT = /^[\x20-\x7e]{1,255}$/
const RETRY_SECONDS = 1

/**
 * The key of a request, as a structured-fields string or bare; null where there is none.
 * @throws PosthornError `invalid`
 */
export function readIdempotencyKey(headers: Headers): string | null {
  const header = headers.get('idempotency-key')
  if (header === null) return null
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header)
  const key = quoted === null ? header : quoted[1]!.replace(/\\(["\\])/g, '$1')
  if (!KEY_TEXT.test(key) || (quoted === null && header.includes('"')))
    throw new PosthornError(
      'invalid',
      `Idempotency-Key is ${JSON.stringify(header.slice(0, 300))}: it must be a text of 1 to 255 printable ASCII characters, best a UUID in double quotes`,
      { details: { field: 'Idempotency-Key' } },
    )
  return key
}

/** What a request asks for, as a hash: its query, its body, and the headers that say what is sent and how it is delivered. */
export function fingerprintOf(request: Request, search: string, body: Uint8Array): string {
  const said = [...request.headers]
    .filter(
      ([name]) =>
        name === 'content-type' || name === 'operation-id' || name.startsWith('ce-') || name.startsWith('posthorn-'),
    )
    .map(([name, value]) => [name, name === 'operation-id' ? value.toLowerCase() : value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([request.method, search, said]))
    .update(body)
    .digest('base64url')
}

export class Idempotency {
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #count: AnswerCount
  readonly #underWay = new Set<string>()

  constructor(engine: Engine, clock: Clock, count: AnswerCount) {
    this.#engine = engine
    this.#clock = clock
    this.#count = count
  }

  /** @throws PosthornError `idempotency-in-flight`, `idempotency-mismatch`, `full`, and what `run` throws */
  async once(once: Once): Promise<Answer> {
    const record = `system/idempotency/${createHash('sha256').update(once.scope).digest('base64url')}`
    if (this.#underWay.has(record))
      throw new PosthornError(
        'idempotency-in-flight',
        'a request with this key is still under way: ask again in a moment',
        { details: { retryAfterSeconds: RETRY_SECONDS } },
      )
    this.#underWay.add(record)
    try {
      return (await this.#replay(record, once)) ?? (await this.#run(record, once))
    } finally {
      this.#underWay.delete(record)
    }
  }

  async #replay(record: string, { fingerprint }: Once): Promise<Answer | null> {
    const [stored] = await this.#engine.get([record])
    if (stored == null || (stored.expiresAt !== null && stored.expiresAt <= this.#clock.wallMs())) return null
    const answer = fromJsonBytes(stored.value) as Stored
    if (answer.fingerprint !== fingerprint)
      throw new PosthornError(
        'idempotency-mismatch',
        'this key was used for a request with another body, query or attributes: use a new key',
      )
    return { status: answer.status, headers: { ...answer.headers, 'idempotency-replayed': 'true' }, body: answer.body }
  }

  async #run(record: string, once: Once): Promise<Answer> {
    const count = once.count ?? this.#count
    await count.check()
    let remembered: Answer | null = null
    const put = (answer: Answer): Change => ({
      do: 'put',
      key: record,
      value: toStored(answer, once.fingerprint),
      expiresAt: this.#clock.wallMs() + once.keptMs,
    })
    const memory: Memory = {
      remember: (answer) => {
        remembered = answer
        return [{ ...put(answer), ifVersion: null } as Change]
      },
      correct: async (answer) => {
        if (remembered === null || answer.body === remembered.body) return
        await this.#engine.commit([{ changes: [put(answer)] }])
      },
    }
    try {
      const answer = await once.run(memory)
      if (remembered !== null) count.add()
      return answer
    } catch (error) {
      // Another process may have stored its answer to the same key in the meantime: then that is the answer.
      const other = isPosthornError(error) && error.code === 'conflict' ? await this.#replay(record, once) : null
      if (other !== null) return other
      throw error
    }
  }
}

function toStored({ status, headers, body }: Answer, fingerprint: string): Uint8Array {
  if (typeof body !== 'string' && body !== null)
    throw new PosthornError('internal', 'only answers of text are remembered')
  return toJsonBytes({ fingerprint, status, headers, body: body ?? '' } satisfies Stored)
}
