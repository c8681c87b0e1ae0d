// An engine that answers at once must not keep the thread from everybody else.

import { ok } from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine } from './engine.ts'

const event = { id: '1', source: '/', type: 'x' }

test('timers have their turn while many send without a pause', async () => {
  const engine = createMemoryEngine()
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  const isOver = (): boolean => ticks >= 10
  let sent = 0
  const sender = async (number: number): Promise<void> => {
    for (let count = 0; count < 5_000 && !isOver(); count++) {
      const id = `00000000-0000-7000-8000-${String(number * 10_000 + count).padStart(12, '0')}`
      const message = { id, event, body: new Uint8Array(), priority: 4 }
      await engine.commit([{ changes: [{ do: 'send', queue: 'q', message }] }])
      sent++
    }
  }
  await Promise.all(Array.from({ length: 100 }, (_, number) => sender(number)))
  clearInterval(timer)
  await engine.close()
  ok(isOver(), `no timer fired while ${sent} messages were sent`)
})
