// Three ways to learn how a task ended: wait for the result, be told by a durable message, be called back over HTTP.
// Run it with `node examples/waiting/main.ts`; what it prints is in output.txt, and a test holds it to that.

import { isPosthornError, open } from 'posthorn'
import { serve } from 'posthorn/server'
import { measure, measured, unmeasured } from './contract.ts'
import handlers from './handlers.ts'
import { receive } from './receiver.ts'

await using post = await open('memory:')
const worker = await post.work(handlers)

// 1. Wait. The program goes on when the operation has ended, or after 30 s; the operation does not mind.
const operation = await post.send(measure, { text: 'the quick brown fox' })
const { words } = await operation.result({ timeout: '10s' })
console.log(`1. waited: ${words} words`)

// An error of the task's own arrives typed. `ended()` gives every end as a value; `result()` throws what is not a success.
const failing = await post.send(measure, { text: '' })
const end = await failing.ended()
if (end.status === 'failed' && end.error.code === 'empty') console.log(`1. waited: failed, ${end.error.data.hint}`)
try {
  await failing.result()
} catch (error) {
  if (isPosthornError(error)) console.log(`1. waited: ${error.code}`)
}

// The id is enough to wait again later, in any process that has the engine open.
console.log(`1. waited again: ${(await post.operation(measure, operation.id).result()).words} words`)

// 2. Be told. Nobody waits: the message to `measured` or `unmeasured` is sent by the commit that ends the operation, so it is not
// lost when this process ends, and it is tried again like any task until its handler has succeeded.
for (const text of ['to be or not to be', '']) {
  await post.send(measure, { text }, { onSuccess: measured, onFailure: unmeasured })
  await worker.drain()
}

// 3. Be called back: the same for whoever is not a part of this program. Only origins that the server allows are called.
await using receiver = await receive()
await using server = await serve(post, { port: 0, callbackAllow: [receiver.url], callbackAllowRanges: ['127.0.0.0/8'] })
const answer = await fetch(`${server.url}/v1/tasks/measure`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', 'posthorn-callback': `${receiver.url}/hook` },
  body: JSON.stringify({ text: 'call me back' }),
})
console.log(
  `3. over HTTP: ${answer.status}, ${answer.headers.has('location') ? 'an operation to look at' : 'nothing to look at'}`,
)
const called = await receiver.next
console.log(`3. called back: ${called.status}, ${JSON.stringify(called.output)}`)
