/** Whether what is asked of leases makes sense; asked before anything is decided. */
import type { LeaseRequest } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { quote } from './refusal.ts'

/** @throws PosthornError `invalid` */
export function checkLeaseRequest(request: LeaseRequest): void {
  const { id, leaseMs, wants }: Partial<LeaseRequest> = request ?? {}
  checkLeaseMs(leaseMs)
  if (typeof id !== 'string' || id === '')
    throw new PosthornError('invalid', `id is ${quote(id)}: it must be a text that is not empty`)
  const isSound = Array.isArray(wants) && wants.every((want) => typeof want?.queue === 'string' && want.max >= 0)
  if (!isSound) throw new PosthornError('invalid', `wants is ${quote(wants)}: it must be a list of { queue, max }`)
}

/** @throws PosthornError `invalid` */
export function checkLeaseMs(leaseMs: number | undefined): void {
  if (!(Number.isFinite(leaseMs) && leaseMs! > 0))
    throw new PosthornError('invalid', `leaseMs is ${leaseMs}: it must be a number of milliseconds above 0`)
}
