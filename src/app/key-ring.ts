/**
 * Whose key it is. Answers are kept for five seconds, so that a request costs no read of the engine; the engine's hints end that sooner, and
 * a change of an app holds everywhere after five seconds at the latest. A made-up key is told by its signature alone.
 */
import type { KeyObject } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type { Engine } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { digestOf, isIssued, isSameDigest } from './key.ts'
import { toPrincipal, type AppPrincipal } from './principal.ts'
import { appRecordKey, readAppOfKey } from './record.ts'
import { keyFor, loadSecret } from './secret.ts'

/** What a change of an app takes at most until every process goes by it. */
export const KEY_FRESH_MS = 5_000
const MOST = 10_000

interface Entry {
  readonly untilMs: number
  readonly found: Found | null
  readonly watch: Disposable | null
}

interface Found {
  readonly principal: AppPrincipal
  readonly expiresAt: number | null
  readonly paused: boolean
}

export interface KeyRingDeps {
  readonly engine: Pick<Engine, 'get' | 'commit' | 'watch'>
  readonly clock: Clock
}

export class KeyRing implements Disposable {
  readonly #deps: KeyRingDeps
  /** By the digest of the key. The oldest come first. */
  readonly #entries = new Map<string, Entry>()
  readonly #asked = new Map<string, Promise<Entry>>()
  #signing: Promise<KeyObject> | null = null

  constructor(deps: KeyRingDeps) {
    this.#deps = deps
  }

  /** @throws PosthornError `unauthorized` for a key that is not known, void or expired, `app-paused` */
  async check(key: string): Promise<AppPrincipal> {
    const { clock } = this.#deps
    if (!isIssued(await this.#loadSigning(), key)) throw unknownKey()
    const digest = digestOf(key)
    const known = this.#entries.get(digest)
    const { found } = known !== undefined && known.untilMs > clock.monotonicMs() ? known : await this.#ask(digest)
    if (found === null || (found.expiresAt !== null && found.expiresAt <= clock.wallMs())) throw unknownKey()
    if (found.paused)
      throw new PosthornError('app-paused', 'this app is paused: its platform can resume it', {
        details: { app: found.principal.app },
      })
    return found.principal
  }

  [Symbol.dispose](): void {
    for (const digest of this.#entries.keys()) this.#forget(digest)
  }

  /** Asked once, however many requests with the key come at the same time. */
  #ask(digest: string): Promise<Entry> {
    let asked = this.#asked.get(digest)
    if (asked === undefined) {
      asked = this.#read(digest).finally(() => this.#asked.delete(digest))
      this.#asked.set(digest, asked)
    }
    return asked
  }

  async #read(digest: string): Promise<Entry> {
    const { engine, clock } = this.#deps
    const stored = await readAppOfKey(engine, digest)
    const key = stored?.app.keys.find((each) => isSameDigest(each.digest, digest))
    const found =
      stored === null || key === undefined || stored.app.deleting === true
        ? null
        : { principal: toPrincipal(stored.app, key), expiresAt: key.expiresAt, paused: stored.app.paused }
    this.#forget(digest)
    const oldest = this.#entries.size < MOST ? undefined : this.#entries.keys().next().value
    if (oldest !== undefined) this.#forget(oldest)
    const entry: Entry = {
      untilMs: clock.monotonicMs() + KEY_FRESH_MS,
      found,
      watch:
        stored === null ? null : engine.watch({ keys: [appRecordKey(stored.app.name)] }, () => this.#forget(digest)),
    }
    this.#entries.set(digest, entry)
    return entry
  }

  #forget(digest: string): void {
    this.#entries.get(digest)?.watch?.[Symbol.dispose]()
    this.#entries.delete(digest)
  }

  #loadSigning(): Promise<KeyObject> {
    this.#signing ??= loadSecret(this.#deps.engine).then(
      (secret) => keyFor(secret, 'app keys'),
      (error: unknown) => {
        this.#signing = null
        throw error
      },
    )
    return this.#signing
  }
}

const unknownKey = (): PosthornError => new PosthornError('unauthorized', 'this key is not known here')
