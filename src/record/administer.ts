/** Users' records on an engine. */
import type { Clock } from '../core/clock.ts'
import type { Change, ChangeResult, Engine, Page, Version } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { fromJsonBytes, type Json } from '../core/json.ts'
import { isReservedKey, type StoredRecord } from '../core/record.ts'
import { checkRecordKey, putOf, removeOf } from './change.ts'
import type { ListOptions, RecordControl, RecordValue } from './control.ts'

const PAGE = 50
const LONGEST_PAGE = 500

export function createRecordControl(engine: Pick<Engine, 'commit' | 'get' | 'list'>, clock: Clock): RecordControl {
  return {
    async get(key) {
      checkRecordKey(key)
      const [record = null] = await engine.get([key])
      return record === null ? undefined : toRecordValue(record)
    },
    async put(key, value, options) {
      const result = await commit(engine, putOf(clock, key, value, options))
      return { version: (result as { readonly version: Version }).version }
    },
    async remove(key, options) {
      await commit(engine, removeOf(key, options))
    },
    async list({ prefix = '', after = null, limit = PAGE }: ListOptions = {}): Promise<Page<RecordValue>> {
      if (!Number.isSafeInteger(limit) || limit < 1)
        throw new PosthornError(
          'invalid-option',
          `limit is ${limit}: it must be a whole number from 1 to ${LONGEST_PAGE}`,
          { details: { field: 'limit', value: limit } },
        )
      const { items, next } = await engine.list({ prefix, after, limit: Math.min(limit, LONGEST_PAGE) })
      return { items: items.filter(({ key }) => !isReservedKey(key)).map(toRecordValue), next }
    },
  }
}

async function commit(engine: Pick<Engine, 'commit'>, change: Change): Promise<ChangeResult> {
  const [result] = await engine.commit([{ changes: [change] }])
  if (result?.status !== 'committed') throw new PosthornError(result?.code ?? 'unknown', result?.detail ?? 'no answer')
  return result.results[0] ?? null
}

function toRecordValue({ key, value, version, expiresAt }: StoredRecord): RecordValue {
  return {
    key,
    value: fromJsonBytes(value) as Json,
    version,
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
  }
}
