/**
 * The platform's own Ed25519 keys: what signs `v1a`, and what everybody may know of them. One record holds them, the private halves
 * sealed. During a rotation the old one signs beside the new one; a public key stays published a while after it has ceased to sign.
 */
import type { Clock } from '../../core/clock.ts'
import type { Engine } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'
import {
  createSigner,
  generateKeyPair,
  standardWebhooks,
  toJwks,
  type PublicJwk,
  type Signer,
} from '../../webhooks/index.ts'
import { loadSeal, type SealDeps } from './seal.ts'

export interface StoredKey {
  /** `whpk_…` */
  readonly publicKey: string
  /** `whsk_…`, sealed, in base64. */
  readonly sealed: string
  readonly createdAt: number
  /** Wall time until which it signs beside a newer one; null: it is the newest. */
  readonly signsUntil: number | null
}

export interface KeyDeps extends SealDeps {
  readonly engine: Pick<Engine, 'get' | 'commit'>
  readonly clock: Clock
}

export const KEYS_RECORD = 'system/webhook-keys'
/** A receiver that has asked for the keys lately still knows it. */
const PUBLISHED_MS = 86_400_000
const TRIES = 5
const MOST = 8

/** What signs now, the newest first; made where there is none. */
export async function signingKeys(deps: KeyDeps): Promise<readonly string[]> {
  const { engine, clock } = deps
  const keys = await readKeys(engine)
  const living = keys.length > 0 ? keys : await addKey(deps, 0)
  const seal = await loadSeal(deps)
  const nowMs = clock.wallMs()
  return living
    .filter(({ signsUntil }) => signsUntil === null || signsUntil > nowMs)
    .map(({ sealed }) => seal.open(KEYS_RECORD, Buffer.from(sealed, 'base64')) as string)
}

/** Keys may be rotated by another process. */
const SIGNER_MS = 60_000

/** Signs with the platform's own key: who is called back at an address of his own shares no secret with it. */
export function platformSigner(deps: KeyDeps): () => Promise<Signer> {
  const { clock } = deps
  let signer: Promise<Signer> | null = null
  let untilMs = -Infinity
  return () => {
    const nowMs = clock.monotonicMs()
    if (signer !== null && nowMs < untilMs) return signer
    untilMs = nowMs + SIGNER_MS
    signer = signingKeys(deps).then((secrets) =>
      createSigner({ profile: standardWebhooks, secrets, now: () => clock.wallMs() }),
    )
    signer.catch(() => (signer = null))
    return signer
  }
}

/** What everybody may know (RFC 7517): a key is made where there is none yet. */
export async function publicKeys(deps: KeyDeps): Promise<{ readonly keys: readonly PublicJwk[] }> {
  const keys = await readKeys(deps.engine)
  const nowMs = deps.clock.wallMs()
  const shown = keys.filter(({ signsUntil }) => signsUntil === null || signsUntil + PUBLISHED_MS > nowMs)
  return toJwks((shown.length > 0 ? shown : await addKey(deps, 0)).map(({ publicKey }) => publicKey))
}

/** A new key signs from now on, and those before beside it for the overlap. */
export async function rotateKey(deps: KeyDeps, overlapMs: number): Promise<{ readonly publicKey: string }> {
  const [newest] = await addKey(deps, overlapMs)
  return { publicKey: newest!.publicKey }
}

async function readKeys(engine: KeyDeps['engine']): Promise<readonly StoredKey[]> {
  const [stored = null] = await engine.get([KEYS_RECORD])
  return stored === null ? [] : (fromJsonBytes(stored.value) as readonly StoredKey[])
}

async function addKey(deps: KeyDeps, overlapMs: number): Promise<readonly StoredKey[]> {
  const { engine, clock } = deps
  const seal = await loadSeal(deps)
  const { publicKey, privateKey } = await generateKeyPair()
  const sealed = Buffer.from(seal.seal(KEYS_RECORD, privateKey)).toString('base64')
  for (let tries = 1; ; tries++) {
    const [stored = null] = await engine.get([KEYS_RECORD])
    const nowMs = clock.wallMs()
    const before = stored === null ? [] : (fromJsonBytes(stored.value) as readonly StoredKey[])
    const kept = before
      .map((key) => ({ ...key, signsUntil: Math.min(key.signsUntil ?? Infinity, nowMs + overlapMs) }))
      .filter(({ signsUntil }) => signsUntil + PUBLISHED_MS > nowMs)
    const keys = [{ publicKey, sealed, createdAt: nowMs, signsUntil: null }, ...kept].slice(0, MOST)
    const [result] = await engine.commit([
      { changes: [{ do: 'put', key: KEYS_RECORD, value: toJsonBytes(keys), ifVersion: stored?.version ?? null }] },
    ])
    if (result?.status === 'committed') return keys
    // Another process made the first one meanwhile: that is as good.
    const others = await readKeys(engine)
    if (before.length === 0 && others.length > 0) return others
    if (tries >= TRIES) throw new PosthornError('conflict', 'the signing keys are being changed by others: try again')
  }
}
