/**
 * Moves many messages by match, in bounded steps: a page is browsed, then moved in one commit. What is moved leaves the browsed
 * state, but the cursor goes on, so what comes back to that state in the meantime is not met twice.
 */
import { pause, type Clock } from '../core/clock.ts'
import type { BrowseQuery, Page } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import type { State, StoredMessage } from '../core/message.ts'
import type { SweepOptions, Swept } from './control.ts'

const STEP = 200

/** @throws PosthornError `aborted`, with how far it came, and `invalid-option` */
export async function sweep(
  clock: Clock,
  { max = Infinity, dryRun = false, rate, signal, onProgress }: SweepOptions,
  states: readonly State[],
  browse: (query: Pick<BrowseQuery, 'state' | 'after' | 'limit'>) => Promise<Page<StoredMessage>>,
  move: (ids: readonly string[]) => Promise<number>,
): Promise<Swept> {
  checkOption('max', max, max === Infinity || (Number.isSafeInteger(max) && max >= 0), 'a whole number of at least 0')
  checkOption('rate', rate, rate === undefined || (Number.isFinite(rate) && rate > 0), 'a number above 0')
  const startedMs = clock.monotonicMs()
  let swept: Swept = { matched: 0, moved: 0 }
  const checkAborted = (): void => {
    if (signal?.aborted) throw givenUp(swept, signal.reason)
  }
  for (const state of states) {
    for (let after: string | null = null; swept.matched < max;) {
      checkAborted()
      const limit = Math.min(
        STEP,
        max - swept.matched,
        rate === undefined || dryRun ? STEP : Math.max(1, Math.ceil(rate / 10)),
      )
      const page: Page<StoredMessage> = await browse({ state, after, limit })
      const moved = dryRun || page.items.length === 0 ? 0 : await move(page.items.map(({ id }) => id))
      swept = { matched: swept.matched + page.items.length, moved: swept.moved + moved }
      onProgress?.(swept)
      if (page.next === null) break
      after = page.next
      if (rate === undefined || dryRun) continue
      // An abort ends the pause, and is met at the next step.
      const restMs = Math.max(0, startedMs + (swept.matched / rate) * 1_000 - clock.monotonicMs())
      await pause(clock, restMs, signal).catch(() => {})
    }
  }
  return swept
}

function givenUp(swept: Swept, reason: unknown): PosthornError {
  return new PosthornError('aborted', `it was given up after ${swept.moved} messages were moved: they stay so`, {
    details: { ...swept },
    cause: reason,
  })
}

function checkOption(field: string, value: unknown, right: boolean, should: string): void {
  if (!right)
    throw new PosthornError('invalid-option', `${field} is ${String(value)}: it must be ${should}`, {
      details: { field, value },
    })
}
