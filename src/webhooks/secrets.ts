/** The secrets that may have signed: one, several while they are rotated, or wherever they are looked up, as keys made once. */
import { WebhookError } from './error.ts'
import { importKey, type Key } from './key.ts'
import type { Profile } from './profile.ts'

/** `refused`: nothing of what was given before fitted; who has nothing newer returns the same list. */
export type SecretSource<Secret> = (ask: { readonly refused: boolean }) => Promise<readonly Secret[]>

export type Secrets<Secret> = Secret | readonly Secret[] | SecretSource<Secret>

/** One secret with the keys that it stands for. */
export interface Lock<Secret> {
  readonly secret: Secret
  readonly keys: readonly Key[]
}

export type LockSource<Secret> = (ask: { readonly refused: boolean }) => Promise<readonly Lock<Secret>[]>

/** More would make each forged request cost as many checks. */
const MOST = 32

/** @throws WebhookError `invalid-secret`, `invalid-option` at once, where the secrets are given at once */
export function createLocks<Secret>(profile: Profile<Secret>, secrets: Secrets<Secret>): LockSource<Secret> {
  if (typeof secrets !== 'function') {
    const list = (Array.isArray(secrets) ? secrets : [secrets]) as readonly Secret[]
    const materials = readAll(profile, list)
    let locks: Promise<readonly Lock<Secret>[]> | undefined
    return () => (locks ??= importAll(profile, list, materials))
  }
  const source = secrets as SecretSource<Secret>
  const known = new WeakMap<readonly Secret[], Promise<readonly Lock<Secret>[]>>()
  return async (ask) => {
    const list = await source(ask)
    const before = known.get(list)
    if (before) return before
    const locks = importAll(profile, list, readAll(profile, list))
    known.set(list, locks)
    return locks
  }
}

type Materials = ReturnType<Profile['read']>

export function readAll<Secret>(profile: Profile<Secret>, secrets: readonly Secret[]): readonly Materials[] {
  if (secrets.length === 0 || secrets.length > MOST)
    throw new WebhookError('invalid-option', `secrets: 1 to ${MOST} are needed, and these are ${secrets.length}`)
  return secrets.map((secret, index) => {
    try {
      const materials = profile.read(secret)
      if (materials.length > 0) return materials
    } catch (error) {
      throw named(profile.name, index, error)
    }
    throw new WebhookError('invalid-secret', `secrets[${index}]: profile ${profile.name} reads no key from it`, {
      index,
    })
  })
}

async function importAll<Secret>(
  profile: Profile<Secret>,
  secrets: readonly Secret[],
  materials: readonly Materials[],
): Promise<readonly Lock<Secret>[]> {
  return Promise.all(
    secrets.map(async (secret, index) => {
      try {
        return {
          secret,
          keys: await Promise.all((materials[index] ?? []).map(importKey)),
        }
      } catch (error) {
        throw named(profile.name, index, error)
      }
    }),
  )
}

/** Says which secret it is, and never what it is: of other errors not even the message is kept. */
function named(profile: string, index: number, error: unknown): WebhookError {
  const known = error instanceof WebhookError
  const why = known ? error.message : `it is not what profile ${profile} takes as a secret`
  return new WebhookError(known ? error.code : 'invalid-secret', `secrets[${index}]: ${why}`, { index })
}
