// Who wants what. Each name gets every event that it wants; `posthorn serve handlers.ts` would run the same.

import { subscribe, systemEvents } from 'posthorn'
import { orders } from './contract.ts'

export const billing = subscribe(orders, 'billing', 'order.*', async (event, ctx) => {
  if (event.type === 'order.created') return console.log(`billing: order ${event.data.id} over ${event.data.total}`)
  console.log(`billing: ${event.data.amount} for order ${event.data.id}`)
  // Held with the outcome: there is a refund if and only if this event was handled.
  if (event.data.amount > 100)
    ctx.publish(orders, 'refund.made', { id: event.data.id, amount: event.data.amount - 100 })
})

export const large = subscribe(
  orders,
  'large',
  'order.**',
  async ({ type, subject }) => console.log(`large: ${type} of ${subject}`),
  { filters: [{ any: [{ exact: { size: 'large' } }, { prefix: { subject: 'vip/' } }] }] },
)

/** A backlog of two: beyond it events are owed, not queued, and publishers do not notice. */
export const slow = subscribe(orders, 'slow', '**', async ({ type, data }) => console.log(`slow: ${type} ${data.id}`), {
  order: 'strict',
  queue: { limit: { messages: 2 } },
})

export const alarm = subscribe(systemEvents, 'alarm', 'posthorn.subscription.*', async ({ type, data }) =>
  console.log(`alarm: ${type} ${data.topic}/${data.name}`),
)

/** Began after everything had happened. */
export const audit = subscribe(
  orders,
  'audit',
  '**',
  async ({ type, data }) => console.log(`audit: ${type} ${data.id}`),
  { from: 'beginning', order: 'strict' },
)

export default [billing, large, alarm]
