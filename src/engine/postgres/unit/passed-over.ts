/**
 * What a unit of work has to tell when it is durable. A row that it loads is locked until then, and whoever hands out passes it over: what is
 * ready and stays so, like the head of a line behind which another was put, would be looked for by nobody.
 */
import type { Notice } from '../hint/hint.ts'
import { READY } from '../row/row.ts'
import type { Work } from './unit-of-work.ts'

export function noticesOf({ hints, rows }: Work): readonly Notice[] {
  const passedOver = new Set<string>()
  for (const row of rows.values())
    if (row !== null && row.origin === 'message' && row.state === READY && !row.isGone) passedOver.add(row.queue.name)
  return passedOver.size === 0 ? hints : [...hints, ...[...passedOver].map((queue) => ({ queue }))]
}
