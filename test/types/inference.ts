// What is inferred from contracts, for callers and for handlers: this file compiles.
import {
  handle,
  open,
  subscribe,
  topic,
  type Args,
  type Checked,
  type Context,
  type EventFor,
  type Handler,
  type Matching,
  type Operation,
  type PublishReceipt,
  type Receipt,
  type Sendable,
  type SendOptions,
  type Task,
  type Topic,
  type TopicControl,
} from 'posthorn'
import { forward, mapped, on, source, tcpServer, webhook } from 'posthorn/event'
import { testPost } from 'posthorn/testing'
import { github } from 'posthorn/webhooks'
import { z } from 'zod'
import * as arktype from './contract/arktype.ts'
import * as valibot from './contract/valibot.ts'
import {
  anything,
  choice,
  inbox,
  json,
  list,
  mode,
  nightly,
  notify,
  orders,
  Payment,
  resize,
  told,
  unknown,
} from './contract/zod.ts'
import { same } from './same.ts'

const post = await open('memory:')
const photo = { id: '1', owner: 'me', taken: '2026-01-01T00:00:00Z' }

// Callers send the wire form and get the parsed output.
const operation = await post.send(resize, photo, { delay: '5m', priority: 7, onSuccess: notify, onFailure: told })
const thumbnail = await operation.result({ timeout: '1m' })
same<typeof thumbnail, { url: string; width: number }>(true)
same<typeof operation.receipt, Receipt>(true)
const again = post.operation(resize, 'id')
same<Awaited<ReturnType<typeof again.result>>, { url: string; width: number }>(true)
const receipt = await post.send(inbox, { raw: 'x' })
same<typeof receipt, Receipt>(true)
const nothing = await (await post.send(nightly)).result()
same<typeof nothing, void>(true)

// Topics: the wire form goes out, whatever the type.
const published = await post.publish(orders, 'order.paid', { order: '1' }, { key: '1', attributes: { region: 'eu' } })
same<typeof published, PublishReceipt>(true)
same<ReturnType<typeof post.topic>, TopicControl>(true)
export const anyTopic: Topic = orders
export const writtenTopic: Topic<'small', { a: { n: string } }, { a: { n: number } }> | undefined = undefined

// The end is a union that narrows by status, then by code.
const end = await operation.ended()
if (end.status === 'succeeded') same<typeof end.output, { url: string; width: number }>(true)
else if (end.status === 'failed') {
  if (end.error.code === 'too_big') same<typeof end.error.data, { limit: number }>(true)
  else if (end.error.code === 'not_found') same<typeof end.error.data, { path: string }>(true)
  else same<typeof end.error.data, undefined>(true)
} else same<typeof end.status, 'cancelled' | 'expired'>(true)
const view = await again.view()
same<NonNullable<typeof view>['output'], { url: string; width: number } | undefined>(true)

// With the three libraries alike.
for (const contract of [valibot.resize, arktype.resize] as const) await post.send(contract, photo)
same<Awaited<ReturnType<Awaited<ReturnType<typeof sendValibot>>['result']>>, { url: string; width: number }>(true)
async function sendValibot() {
  return post.send(valibot.resize, photo)
}
const parsed = await (await post.send(arktype.resize, photo)).result()
same<typeof parsed, { url: string; width: number }>(true)
await post.send(valibot.inbox, { raw: 'x' })
await post.send(arktype.inbox, { raw: 'x' })

// Inputs of every shape.
await post.send(anything, new Map())
await post.send(unknown, 7)
await post.send(json, { deep: [1, { er: null }] })
await post.send(list, [1, 2])
await post.send(choice, { type: 'b', b: 2 })

const logged = (ctx: Context): void => ctx.log.info('seen', { id: ctx.id })

export const handlers: readonly Handler[] = [
  handle(
    resize,
    async (input, ctx) => {
      same<typeof input, { id: string; owner: string; taken: Date }>(true)
      ctx.progress(0.5, 'half')
      logged(ctx)
      ctx.send(inbox, { raw: input.id }, { delay: '1s' })
      ctx.put('seen', { id: input.id }, { ifVersion: null, expires: '1d' })
      const seen = await ctx.get('seen')
      if (seen !== undefined) ctx.put('seen', seen.value, { ifVersion: seen.version })
      if (input.owner === 'x') return ctx.fail('too_big', { limit: 3 })
      // oxlint-disable-next-line typescript/only-throw-error -- outcomes may be thrown
      if (ctx.attempt > 3) throw ctx.snooze('1h')
      if (ctx.signal.aborted) return ctx.cancel()
      return { url: 'https://x', width: '7' }
    },
    { concurrency: 8 },
  ),
  handle(valibot.resize, async ({ taken }, { fail }) =>
    taken.getTime() > 0 ? fail('too_big', { limit: 1 }) : { url: '', width: 1 },
  ),
  handle(arktype.resize, ({ taken }, ctx) => (taken.getTime() > 0 ? ctx.bury('old') : { url: '', width: '1' })),
  handle(nightly, async (input) => same<typeof input, void>(true)),
  handle(inbox, (mail, ctx) => (mail.raw === '' ? ctx.retry({ after: '1m' }) : undefined)),
  handle(mode, async (text) => ({ mode: text === '' ? 'slow' : 'fast' })),
  handle(json, async (value) => value),
  handle(list, async (numbers) => numbers.map(String)),
  handle(choice, async (input) => {
    if (input.type === 'a') same<typeof input.a, string>(true)
    else same<typeof input.b, number>(true)
  }),
  handle(anything, async () => {}),
  subscribe(orders, 'billing', 'order.*', async (event, ctx) => {
    same<typeof event.type, 'order.created' | 'order.paid'>(true)
    same<typeof ctx, Context>(true)
    switch (event.type) {
      case 'order.created':
        same<typeof event.data, { id: string; total: number }>(true)
        ctx.publish(orders, 'order.paid', { order: event.data.id })
        break
      case 'order.paid':
        same<typeof event.data.amount, number>(true)
        break
      default:
        event satisfies never
    }
  }),
  subscribe(orders, 'all', '**', async (event) => {
    same<typeof event.type, 'order.created' | 'order.paid' | 'order.line.added' | 'refund.made'>(true)
  }),
  subscribe(orders, 'deep', 'order.**', async (event) => {
    same<typeof event.type, 'order.created' | 'order.paid' | 'order.line.added'>(true)
  }),
  subscribe(
    orders,
    'some',
    ['refund.made', 'order.*.added'],
    async (event) => {
      same<typeof event.type, 'refund.made' | 'order.line.added'>(true)
    },
    { from: 'beginning', order: 'strict', filters: [{ not: { exact: { subject: 'x' } } }], retry: { attempts: 9 } },
  ),
  subscribe(orders, 'one', 'order.paid', (event, ctx) => {
    same<typeof event.data, { order: string; amount: number }>(true)
    return event.data.amount === 0 ? ctx.bury('nothing paid') : undefined
  }),
]

// What patterns mean; test/api/topic.test.ts says the same at run time.
type Types = { 'a': 1; 'a.b': 2; 'a.b.c': 3; 'b.c': 4 }
same<Matching<Types, '*'>, 'a'>(true)
same<Matching<Types, '**'>, 'a' | 'a.b' | 'a.b.c' | 'b.c'>(true)
same<Matching<Types, 'a.**'>, 'a' | 'a.b' | 'a.b.c'>(true)
same<Matching<Types, '**.c'>, 'a.b.c' | 'b.c'>(true)
same<Matching<Types, '*.*'>, 'a.b' | 'b.c'>(true)
same<Matching<Types, 'a.**.c'>, 'a.b.c'>(true)
same<Matching<Types, '**.b.**'>, 'a.b' | 'a.b.c' | 'b.c'>(true)
same<Matching<Types, 'a.*' | 'b.c'>, 'a.b' | 'b.c'>(true)
same<Checked<'t', Types, 'a.*'>, 'a.*'>(true)
same<Checked<'t', Types, 'x.*'>, "topic 't' has no event type matching 'x.*'">(true)
same<EventFor<{ a: number; b: string }, 'a'>['data'], number>(true)

// The same effects outside a handler; what the body returns comes back.
const held = await post.commit((fx) => {
  fx.send(nightly)
  fx.publish(orders, 'order.created', { id: '1', total: 2 })
  fx.put('k', 1)
  fx.remove('l')
  return fx.send(resize, photo, { onSuccess: notify })
})
same<typeof held, { readonly id: string }>(true)

// Modules: a list, or a function that makes what the handlers need.
await post.work(handlers, { signal: AbortSignal.abort() })
await post.work(async ({ post: given, signal }) => {
  same<typeof given, typeof post>(true)
  same<typeof signal, AbortSignal>(true)
  return { handlers, contracts: [resize, inbox, orders], stop: async () => {} }
})

// Contracts can be written down, and helpers can be generic over them.
export const written: Task<
  { id: string; owner: string; taken: string },
  { url: string; width: number },
  { too_big: { limit: number }; not_found: { path: string } },
  { id: string; owner: string; taken: Date },
  { url: string; width: string | number }
> = resize
export const simple: Task<void> = nightly
export async function sendTwice<I, O, Sent>(
  to: Sendable<I, O, Sent>,
  ...input: Args<NoInfer<I>, SendOptions<NoInfer<O>>>
): Promise<Sent> {
  await post.send(to, ...input)
  return post.send(to, ...input)
}
export const waits = (of: Operation<{ url: string }, any>): Promise<{ url: string }> => of.result()
await sendTwice(resize, photo)
await waits(operation)

// A test of the user's own.
const t = await testPost(handlers)
for (const { input } of t.sent(resize)) same<typeof input, { id: string; owner: string; taken: string }>(true)
for (const event of t.published(orders)) if (event.type === 'order.created') same<typeof event.data.total, number>(true)
const performed = await t.perform(resize, photo, { attempt: 2, key: 'k' })
if (performed.outcome === 'done') same<typeof performed.output, { url: string; width: number }>(true)
else same<typeof performed.outcome, 'fail' | 'retry' | 'snooze' | 'bury' | 'cancel'>(true)
await t.perform(nightly)

// Sources: what listeners get, and what topics take of them.
const shop = source('shop', { 'order.created': z.object({ id: z.string(), total: z.number() }), 'order.paid': Payment })
await shop.emit('order.paid', { order: '1' })
await using listening = await on(shop, async (event, { signal }) => {
  same<typeof event.type, 'order.created' | 'order.paid'>(true)
  if (event.type === 'order.paid') same<typeof event.data, { order: string; amount: number }>(true)
  same<typeof signal, AbortSignal>(true)
})
same<typeof listening.counts.dropped, number>(true)
await on(shop, ({ type, data }) => same<[typeof type, typeof data.total], ['order.created', number]>(true), {
  types: 'order.created',
  coalesce: ({ data }) => data.id,
})
const hooks = webhook('github', { profile: github, secrets: ['s'], events: { push: z.object({ ref: z.string() }) } })
const untyped = webhook('github', { profile: github, secrets: ['s'] })
await on(untyped, ({ type, data }) => same<[typeof type, typeof data], [string, unknown]>(true))
const meters = tcpServer('meters', { port: 0, message: z.object({ n: z.coerce.number<string>() }) })
await on(meters, ({ data }) => same<typeof data.message, { n: number }>(true), { types: 'message.received' })
const paid = mapped(hooks, ({ data, id }) =>
  data.ref === '' ? null : { type: 'order.paid', data: { order: data.ref }, subject: id },
)
await on(paid, ({ type }) => same<typeof type, 'order.paid'>(true))
await post.work([
  forward(shop, orders),
  forward(paid, orders),
  forward(hooks, topic('pushes', { push: z.object({ ref: z.string() }), other: z.string() }), {
    types: 'push',
    onError: ({ code }, { data }) => void [code, data.ref],
  }),
  ...handlers.slice(0, 1),
  untyped,
])
