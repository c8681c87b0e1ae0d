/** Takes messages out of their bundles that something is to happen to together. */
import type { Desk } from '../desk.ts'
import { DUE_BUNDLES, LEASED_BUNDLES, type Bundle, type Run } from '../state/bundle.ts'
import type { Queue } from '../state/queue.ts'

/** Those whose leases lapse by now, about so many. */
export function unbundleDue(desk: Desk, queue: Queue, most: number): void {
  let left = most
  for (const bundle of desk.bundles.all(DUE_BUNDLES, queue.id, desk.now, most)) {
    if (left <= 0) return
    left -= unbundleLeased(desk, bundle, ({ until }) => until <= desk.now)
  }
}

/** Those that a process which is gone had handed out to itself. */
export function unbundleOwned(desk: Desk, owner: number): void {
  for (const bundle of desk.bundles.all(LEASED_BUNDLES))
    unbundleLeased(desk, bundle, (run) => run.process && run.owner === owner)
}

/** Those that wait, at most so many. */
export function unbundleWaiting(desk: Desk, queue: Queue, most: number): void {
  let left = most
  while (left > 0) {
    const bundle = desk.bundles.firstReady(queue.id)
    if (bundle === undefined) return
    for (; left > 0 && bundle.hasReady; left--) desk.unbundle(bundle, bundle.next)
  }
}

function unbundleLeased(desk: Desk, bundle: Bundle, isMeant: (run: Run) => boolean): number {
  let count = 0
  for (const run of bundle.runs.filter(isMeant)) {
    for (let at = run.from; at < run.to; at++) {
      if (bundle.isGone(at)) continue
      desk.unbundle(bundle, at)
      count++
    }
  }
  return count
}
