// What happens in a shop. Publishers, subscribers and the server share this file.

import { topic } from 'posthorn'
import { z } from 'zod'

export const orders = topic(
  'orders',
  {
    'order.created': z.object({ id: z.string(), total: z.number() }),
    'order.paid': z.object({ id: z.string(), amount: z.number() }),
    'refund.made': z.object({ id: z.string(), amount: z.number() }),
  },
  { retain: { for: '7d', count: 10_000 }, key: ({ data }) => data.id },
)
