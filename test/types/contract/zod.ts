// The contracts of the type tests, with Zod.
import { queue, task, topic } from 'posthorn'
import { z } from 'zod'

export const Photo = z.object({
  id: z.string(),
  owner: z.string(),
  taken: z.iso.datetime().transform((text) => new Date(text)),
})
export const Thumbnail = z.object({ url: z.url(), width: z.coerce.number<string | number>() })

export const resize = task('resize', {
  input: Photo,
  output: Thumbnail,
  errors: { too_big: z.object({ limit: z.number() }), not_found: z.object({ path: z.string() }) },
  retry: {
    attempts: 8,
    backoff: { base: '1s', jitter: 'full' },
    decide: (error, attempt) => (attempt > 2 ? 'bury' : undefined),
  },
  timeout: '30s',
  key: (photo) => photo.owner,
  dedupe: (photo) => `${photo.id}@${photo.taken.getTime()}`,
  version: 2,
  upcast: { 1: (old: { id: string }) => ({ ...old, owner: 'nobody' }) },
  queue: { aging: '1m', limit: { messages: 100 }, keep: { dead: '30d' } },
})
export const nightly = task('nightly')
export const notify = task('notify', {
  input: z.object({ id: z.string(), output: z.object({ url: z.string(), width: z.number() }) }),
})
export const told = task('told', {
  input: z.object({ id: z.string(), error: z.object({ code: z.string(), detail: z.string().optional() }) }),
})
export const inbox = queue('inbox', {
  data: z.object({ raw: z.string(), at: z.iso.datetime().optional() }),
  group: (mail) => mail.raw,
})
export const Order = z.object({ id: z.string(), total: z.number() })
export const Payment = z.object({ order: z.string(), amount: z.number().default(0) })
export const orders = topic(
  'orders',
  {
    'order.created': Order,
    'order.paid': Payment,
    'order.line.added': z.object({ sku: z.string() }),
    'refund.made': Payment,
  },
  {
    retain: { for: '7d', count: 10_000 },
    key: (event) => (event.type === 'order.created' ? event.data.id : undefined),
    versions: { 'order.paid': { version: 2, upcast: { 1: (old: { order: string }) => ({ ...old, amount: 0 }) } } },
  },
)
export const anything = task('anything', { input: z.any() })
export const unknown = task('unknown', { input: z.unknown() })
export const json = task('json', { input: z.json(), output: z.json() })
export const mode = task('mode', { input: z.string(), output: z.object({ mode: z.enum(['fast', 'slow']) }) })
export const list = task('list', { input: z.array(z.number()), output: z.array(z.string()) })
export const choice = task('choice', {
  input: z.discriminatedUnion('type', [
    z.object({ type: z.literal('a'), a: z.string() }),
    z.object({ type: z.literal('b'), b: z.number() }),
  ]),
})
