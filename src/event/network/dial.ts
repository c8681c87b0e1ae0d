/** Keeps one connection to another: dials again when it ends, ever more seldom while it cannot be had. */
import { pause } from '../../core/clock.ts'
import { systemRandom } from '../../core/id.ts'
import type { SourceConfig } from '../contract.ts'

const FIRST_MS = 1_000
const LONGEST_MS = 60_000
/** One that held for so long was a sound one. */
const SOUND_MS = 30_000

/** @param dial resolves when the connection has ended, with whether it was ever open; its signal is its own, so that what hears it goes with it */
export function keepConnected(
  { clock, log, field }: SourceConfig,
  dial: (signal: AbortSignal) => Promise<boolean>,
): () => Promise<void> {
  const stopping = new AbortController()
  const { signal } = stopping
  let dialing = new AbortController()
  const run = async (): Promise<void> => {
    let failures = 0
    while (!signal.aborted) {
      const fromMs = clock.monotonicMs()
      dialing = new AbortController()
      const wasOpen = await dial(dialing.signal).catch(() => false)
      if (signal.aborted) return
      failures = wasOpen && clock.monotonicMs() - fromMs >= SOUND_MS ? 0 : failures + 1
      const waitMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1)) * (0.75 + systemRandom() / 2)
      if (!wasOpen && failures === 1) log.warn(`${field}: no connection; trying until there is one`)
      await pause(clock, waitMs, signal).catch(() => {})
    }
  }
  const running = run()
  return async () => {
    stopping.abort()
    dialing.abort()
    await running
  }
}
