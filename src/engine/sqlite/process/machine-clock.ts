/**
 * The clocks that all processes of one machine share: the monotonic one, which no step of the wall clock moves, and which boot of the machine
 * it counts from. A process's own `performance.now` begins anew with each process.
 */
import { readFileSync } from 'node:fs'
import { systemClock } from '../../../core/clock.ts'
import type { Ticks } from '../wire/request.ts'

export function machineTicks(): Ticks {
  return { machineMs: Number(process.hrtime.bigint() / 1_000n) / 1_000, wallMs: systemClock.wallMs() }
}

/** Empty where the system has no name for it: then a clock that went back is how a new boot is told. */
export function bootOfMachine(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}
