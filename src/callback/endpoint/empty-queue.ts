/** The end of what waits for an endpoint that is no more. */
import type { Engine } from '../../core/engine.ts'
import type { State } from '../../core/message.ts'

const ALL: readonly State[] = ['leased', 'ready', 'delayed', 'held', 'arrived', 'dead']

/** What is on its way ends there: tried again, it would wait for one that has the same id later. */
export async function emptyQueue(
  engine: Pick<Engine, 'browse' | 'commit'>,
  queue: string,
  states: readonly State[] = ALL,
): Promise<void> {
  for (const state of states) {
    for (let after: string | null = null, more = true; more;) {
      const page: Awaited<ReturnType<Engine['browse']>> = await engine.browse({ queue, state, after, limit: 200 })
      const messages = page.items.map(({ id }) => ({ queue, id }))
      const what = state === 'leased' ? 'cancel' : 'discard'
      if (messages.length > 0) await engine.commit([{ changes: [{ do: what, messages }] }])
      after = page.next
      more = after !== null
    }
  }
}
