// Events: published once, to whoever wants them. Run it with `node examples/topics/main.ts`; what it prints is in output.txt, and a
// test holds it to that.

import { open, type Handler } from 'posthorn'
import { serve } from 'posthorn/server'
import { orders } from './contract.ts'
import handlers, { audit, slow } from './handlers.ts'

await using post = await open('memory:')

/** Runs handlers until nothing is ready: a program that goes on would leave its worker running. */
async function run(some: readonly Handler[]): Promise<void> {
  const worker = await post.work(some)
  await worker.drain()
  await worker.stop()
}

// From here on each name gets every event that it wants, whether its handler runs or not.
await run(handlers)

// Whoever publishes does not know who listens; the receipt says how many got it.
const created = await post.publish(orders, 'order.created', { id: 'o1', total: 70 }, { subject: 'vip/mara' })
console.log(`published to ${created.matched}`)
await run(handlers)

// Several at once, all or none.
await post.commit((fx) => {
  fx.publish(orders, 'order.created', { id: 'o2', total: 120 }, { attributes: { size: 'large' } })
  fx.publish(orders, 'order.paid', { id: 'o2', amount: 120 })
})
await run(handlers)

// The same from any language: a CloudEvent over HTTP.
await using server = await serve(post, { port: 0 })
const answer = await fetch(`${server.url}/v1/topics/orders/events`, {
  method: 'POST',
  headers: {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': '7',
    'ce-source': '/shop',
    'ce-type': 'order.paid',
  },
  body: JSON.stringify({ id: 'o1', amount: 70 }),
})
console.log(`published over HTTP: ${answer.status}`)
await run(handlers)

// A subscription that nobody reads fills up, and is suspended: the publisher and the others go on.
await run([slow])
for (const id of ['o3', 'o4', 'o5', 'o6']) await post.publish(orders, 'order.created', { id, total: 1 })
await run(handlers)
const { status, lag } = (await post.topic(orders).subscription('slow'))!
console.log(`slow is ${status}, with ${lag} events`)

// Its topic keeps its events, so it misses nothing: it catches up when it is read.
await run([slow])
await run(handlers)

// And a new name may begin where it all began.
await run([audit])
