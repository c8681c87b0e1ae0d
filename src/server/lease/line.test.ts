import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import type { Delivery, Hint, Interest, LeaseResult } from '../../core/engine.ts'
import { LeaseLines, type Wait } from './line.ts'

/** A queue of which one message at a time can be taken, and whose hints can be lost. */
class Messages {
  ready = 0
  leases = 0
  nextReadyInMs: number | null = null
  dropHints = false
  readonly watchers = new Set<(hint: Hint) => void>()

  watch(_interest: Interest, hint: (hint: Hint) => void): Disposable {
    this.watchers.add(hint)
    return { [Symbol.dispose]: () => void this.watchers.delete(hint) }
  }

  add(count: number): void {
    this.ready += count
    if (!this.dropHints) for (const hint of this.watchers) hint({ queue: 'a' })
  }

  async lease(): Promise<LeaseResult> {
    this.leases++
    const taken = Math.min(1, this.ready)
    this.ready -= taken
    return {
      deliveries: Array.from({ length: taken }, () => ({ token: 't' }) as Delivery),
      nextReadyInMs: this.nextReadyInMs,
    }
  }
}

const start = () => {
  const clock = new ManualClock()
  const messages = new Messages()
  const ending = new AbortController()
  const lines = new LeaseLines(messages, clock, ending.signal)
  const wait = (more: Partial<Wait> = {}) =>
    lines
      .take({
        queue: 'a',
        waitMs: 20_000,
        signal: new AbortController().signal,
        lease: () => messages.lease(),
        ...more,
      })
      .then(({ length }) => length)
  return { clock, messages, ending, lines, wait }
}

const turns = async () => {
  for (let at = 0; at < 20; at++) await Promise.resolve()
}

describe('the line of waiting clients', () => {
  test('what is there is taken at once; nobody waits who does not want to', async () => {
    const { messages, wait } = start()
    messages.add(1)
    equal(await wait(), 1)
    equal(await wait({ waitMs: 0 }), 0)
    equal(messages.watchers.size, 0)
  })

  test('one message wakes one client, the first; who got something wakes the next', async () => {
    const { messages, wait, lines } = start()
    const order: string[] = []
    const waiting = ['one', 'two', 'three'].map((name) => wait().then((length) => order.push(`${name} ${length}`)))
    await turns()
    const before = messages.leases
    messages.add(1)
    await waiting[0]
    await turns()
    deepEqual([order, lines.size], [['one 1'], 2])
    equal(messages.leases - before, 2, 'the first, and the next once')
    messages.add(2)
    await Promise.all(waiting)
    deepEqual(order, ['one 1', 'two 1', 'three 1'])
    equal(messages.watchers.size, 0)
  })

  test('without any hint a client finds a message when it looks by itself', async () => {
    const { messages, wait, clock } = start()
    messages.dropHints = true
    const waiting = wait()
    await turns()
    messages.add(1)
    clock.advance(5_000)
    equal(await waiting, 1)
  })

  test('time alone makes a message ready: it looks just then', async () => {
    const { messages, wait, clock } = start()
    messages.nextReadyInMs = 700
    const waiting = wait()
    await turns()
    messages.ready = 1
    clock.advance(699)
    await turns()
    equal(messages.ready, 1)
    clock.advance(1)
    equal(await waiting, 1)
  })

  test('the wait ends with its time, with the client, with the server', async () => {
    const { wait, clock, ending, lines, messages } = start()
    const gone = new AbortController()
    const waiting = [wait({ waitMs: 1_000 }), wait({ signal: gone.signal }), wait()]
    await turns()
    clock.advance(1_000)
    equal(await waiting[0], 0)
    gone.abort()
    equal(await waiting[1], 0)
    ending.abort()
    equal(await waiting[2], 0)
    deepEqual([lines.size, messages.watchers.size], [0, 0])
    equal(await wait(), 0, 'nobody waits any more')
  })

  test('a client that goes when it is woken hands the message on', async () => {
    const { wait, messages } = start()
    const gone = new AbortController()
    const first = wait({ signal: gone.signal })
    const second = wait()
    await turns()
    messages.add(1)
    gone.abort()
    equal((await first) + (await second), 1)
  })
})
