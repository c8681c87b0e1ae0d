/** Takes what a queue hands out, for cases that ask what comes and in which order. */
import type { Context } from '../context.ts'

/** Takes and acks all there is until nothing more comes. */
export async function drain(ctx: Context, from: string): Promise<string[]> {
  const ids: string[] = []
  for (let deliveries = await ctx.lease(from, 3); deliveries.length > 0; deliveries = await ctx.lease(from, 3)) {
    for (const { token, stored } of deliveries) {
      ids.push(stored.id)
      await ctx.ack(token)
    }
  }
  return ids
}

/** Takes all there is and keeps it. */
export async function takeAll(ctx: Context, from: string): Promise<string[]> {
  const ids: string[] = []
  for (let some = await ctx.leasedIds(from, 1_000); some.length > 0; some = await ctx.leasedIds(from, 1_000))
    ids.push(...some)
  return ids
}
