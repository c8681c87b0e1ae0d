/** Seals with the newest master key what an earlier one sealed, so that the earlier one is needed no more. */
import type { Change, Engine, Page } from '../../core/engine.ts'
import { isPosthornError } from '../../core/error.ts'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'
import type { StoredRecord } from '../../core/record.ts'
import { KEYS_RECORD, type StoredKey } from './key.ts'
import { loadSeal, markNewest, type Seal, type SealDeps } from './seal.ts'
import { VAULT_PREFIX } from './secret.ts'

export type ResealDeps = SealDeps & { readonly engine: Pick<Engine, 'get' | 'list' | 'commit'> }

/** What came of it. */
export interface Resealed {
  /** Records that were sealed anew. */
  readonly count: number
  /** The keys of those that none of the master keys opens: damaged, or sealed with one that is not given. They are left as they are. */
  readonly unopened: readonly string[]
}

const PAGE = 200
const TRIES = 5

/**
 * May be called again where it was interrupted.
 * @param goesOn asked before each record
 * One record that somebody changes all the time is left to the next time.
 */
export async function reseal(deps: ResealDeps, goesOn: () => boolean = () => true): Promise<Resealed> {
  if ((deps.masterKeys ?? []).length === 0) return { count: 0, unopened: [] }
  const seal = await loadSeal(deps)
  let count = 0
  let unopened: readonly string[] = []
  for (let tries = 1; tries <= TRIES; tries++) {
    const { done, missed, ...found } = await pass(deps, seal, goesOn)
    count += done
    unopened = found.unopened
    if (!goesOn()) break
    if (missed > 0) continue
    const mark = await markNewest(deps)
    if (mark === null) break
    // What others sealed until then is looked for once more: nobody else has the store's own key any longer.
    await put(deps, mark)
  }
  return { count, unopened }
}

interface Pass {
  readonly done: number
  readonly missed: number
  readonly unopened: readonly string[]
}

async function pass(deps: ResealDeps, seal: Seal, goesOn: () => boolean): Promise<Pass> {
  let done = 0
  let missed = 0
  const unopened: string[] = []
  const renew = async (record: StoredRecord, anew: (seal: Seal, record: StoredRecord) => Anew): Promise<void> => {
    const { change, isWhole } = anew(seal, record)
    if (!isWhole) unopened.push(record.key)
    if (change === null) return
    if (await put(deps, change)) done++
    else missed++
  }
  for (let after: string | null = null, more = true; more;) {
    const { items, next }: Page<StoredRecord> = await deps.engine.list({ prefix: VAULT_PREFIX, after, limit: PAGE })
    for (const record of items) {
      if (!goesOn()) return { done, missed, unopened }
      await renew(record, vaultAnew)
    }
    after = next
    more = after !== null
  }
  const [keys = null] = await deps.engine.get([KEYS_RECORD])
  if (keys !== null) await renew(keys, keysAnew)
  return { done, missed, unopened }
}

async function put({ engine }: ResealDeps, change: Change): Promise<boolean> {
  const [result] = await engine.commit([{ changes: [change] }])
  return result?.status === 'committed'
}

interface Anew {
  /** null: nothing of it is to be sealed anew, or can be. */
  readonly change: Change | null
  /** Whether all of it opens. */
  readonly isWhole: boolean
}

function vaultAnew(seal: Seal, { key, value, version }: StoredRecord): Anew {
  if (seal.isNewest(key, value)) return { change: null, isWhole: true }
  const sealed = sealedAnew(seal, key, value)
  if (sealed === null) return { change: null, isWhole: false }
  return { change: { do: 'put', key, value: sealed, ifVersion: version }, isWhole: true }
}

/** Each by itself: with the earlier master key all would be lost that were left because one of them is damaged. */
function keysAnew(seal: Seal, { key, value, version }: StoredRecord): Anew {
  const keys = fromJsonBytes(value) as readonly StoredKey[]
  let isSame = true
  let isWhole = true
  const anew = keys.map((each): StoredKey => {
    const bytes = Buffer.from(each.sealed, 'base64')
    if (seal.isNewest(key, bytes)) return each
    const sealed = sealedAnew(seal, key, bytes)
    if (sealed === null) {
      isWhole = false
      return each
    }
    isSame = false
    return { ...each, sealed: Buffer.from(sealed).toString('base64') }
  })
  return { change: isSame ? null : { do: 'put', key, value: toJsonBytes(anew), ifVersion: version }, isWhole }
}

/** null: whatever opens it, if anything does, is none of the keys here. That it stays changes nothing for the others. */
function sealedAnew(seal: Seal, record: string, sealed: Uint8Array): Uint8Array | null {
  let opened: unknown
  try {
    opened = seal.open(record, sealed)
  } catch (error) {
    if (!isPosthornError(error) || error.code !== 'corrupt') throw error
    return null
  }
  return seal.seal(record, opened)
}
