/** Engine time over processes and boots: the machine's monotonic clock plus what the database says it is ahead. */
import type { Ticks } from '../wire/request.ts'
import type { Numbers } from './meta.ts'

export function firstNumbers(ticks: Ticks, boot: string): Numbers {
  const { machineMs, wallMs } = ticks
  const counts = { turn: 0, version: 0, owner: 0, records: 0, dedupes: 0, commits: 0, settings: 0 }
  // 0 is no position, also not the one before the first.
  return { ...counts, seq: 0, position: 1, boot, ahead: wallMs - machineMs, engineAt: wallMs, wallAt: wallMs }
}

/** After a new boot the clock goes on from where it was, plus what passed on the wall meanwhile. */
export function continueClock(numbers: Numbers, { machineMs, wallMs }: Ticks, boot: string): void {
  const isSameBoot = boot === numbers.boot && machineMs + numbers.ahead >= numbers.engineAt
  if (isSameBoot) return
  numbers.boot = boot
  numbers.ahead = numbers.engineAt + Math.max(0, wallMs - numbers.wallAt) - machineMs
}

/** Never before what was decided last, by whichever process. */
export function engineTime(numbers: Numbers, { machineMs }: Ticks): number {
  return Math.max(machineMs + numbers.ahead, numbers.engineAt)
}
