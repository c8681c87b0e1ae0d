import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../../../core/engine.ts'
import type { Connection } from '../connection/driver.ts'
import { Statements } from '../sql/statement.ts'
import { PlainSettles, type SettleCall } from './settles.ts'
import type { ShortWayParts } from './short-way.ts'

/** What a draw reserves. */
const BLOCK = 4_096

test('who puts a record later gives it the later version, also where the earlier call has to draw numbers first', async () => {
  let serial = 1
  const connection = {
    query: async ({ name }: { readonly name: string }) => {
      const row = name === 'posthorn draw' ? { serial } : { count: 1 }
      if (name === 'posthorn draw') serial += BLOCK
      return { rows: [row] }
    },
  } as unknown as Connection
  const settles = new PlainSettles({
    folds: { next: () => -1 },
    statements: new Statements('s', true),
    moment: () => ({ now: null, wall: null }),
    lockKey: 1,
    hearsOfKeys: () => false,
  } as unknown as ShortWayParts)
  let keys = 0
  const settle = async (puts: number): Promise<number> => {
    const put = (): Change => ({ do: 'put', key: `${keys++}`, value: new Uint8Array() })
    const call = { acks: [], queues: [], puts: Array.from({ length: puts }, put), commits: [] }
    return (await settles.settle(connection, [call as unknown as SettleCall])).version
  }
  deepEqual(await settle(BLOCK - 2), 1)
  // Two numbers are left: enough for the second.
  const versions = await Promise.all([settle(5), settle(2)])
  deepEqual(versions, [BLOCK + 1, BLOCK + 6])
})
