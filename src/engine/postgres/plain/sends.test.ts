import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { Message } from '../../../core/message.ts'
import type { Connection } from '../connection/driver.ts'
import type { SendOuts } from '../lease/send-outs.ts'
import type { KnownQueue } from './known-queues.ts'
import { PlainSends, type SendCall } from './sends.ts'
import type { ShortWayParts } from './short-way.ts'

test('sends to one queue that is known in two forms are no fold: each would hand out for itself what waits', async () => {
  const asked: string[] = []
  const connection = { query: () => Promise.reject(new Error('asked')) } as unknown as Connection
  const parts = { queues: { clears: 0 }, folds: { next: () => asked.push('fold') } } as unknown as ShortWayParts
  const sends = new PlainSends(parts, { begin: () => asked.push('places') } as unknown as SendOuts)
  const callTo = (queue: KnownQueue): SendCall => ({
    sendings: [{ queue, messages: [{ id: 'one' } as Message], bytes: 1 }],
    commits: [],
    weight: 1,
    clears: 0,
  })
  const known = { name: 'a', number: 1 } as KnownQueue
  const outcome = await sends.send(connection, [callTo(known), callTo({ ...known })])
  deepEqual([outcome, asked], [{ isDone: false, isSound: true }, []])
})
