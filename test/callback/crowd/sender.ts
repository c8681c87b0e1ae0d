// Opens an engine, calls its endpoints, and publishes numbered events at a rate. May be killed at any moment and begun again.

import { parseArgs } from 'node:util'
import { z } from 'zod'
import { open } from '../../../src/posthorn.ts'
import { silentLog } from '../../../src/runtime/log.ts'
import { topic } from '../../../src/topic/index.ts'
import { ownCpuMs } from './load.ts'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    from: { type: 'string', default: '0' },
    events: { type: 'string' },
    rate: { type: 'string' },
    /** Kind and number of each: `healthy/e1,dead/e2`. */
    endpoints: { type: 'string', default: '' },
    sink: { type: 'string' },
    dead: { type: 'string' },
  },
})
const crowd = topic('crowd', { tick: z.object({ n: z.number(), at: z.number() }) })
const post = await open(values.url, { log: silentLog })
for (const each of values.endpoints === '' ? [] : values.endpoints.split(',')) {
  const [kind = '', id = ''] = each.split('/')
  await post.endpoints.create({
    id,
    url: `${kind === 'dead' ? values.dead : values.sink}/${kind}/${id}`,
    subscriptions: [{ topic: crowd }],
    retry: { delays: ['200ms', '500ms', '1s'], attempts: 1_000 },
  })
}
await post.endpoints.deliver({ allowRanges: ['127.0.0.0/8'] })
const readyCpuMs = ownCpuMs()
process.on('message', () => process.send!({ cpuMs: ownCpuMs() - readyCpuMs }))
process.send!({ ready: true })

const events = Number(values.events)
const everyMs = 1_000 / Number(values.rate)
const began = performance.now()
const from = Number(values.from)
for (let n = from; n < events; n++) {
  const waitMs = began + (n - from) * everyMs - performance.now()
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
  // What was published and not confirmed before a kill is published again, and is the same event.
  void post.publish(crowd, 'tick', { n, at: Date.now() }, { dedupe: `n${n}` }).then(
    () => process.send!({ confirmed: n }),
    () => {},
  )
}
