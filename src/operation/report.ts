/**
 * The binding that every open process runs: the engine's reports on messages of tasks that ended without a handler (expired,
 * lapsed, cancelled while waiting, discarded) end their operations.
 */
import type { Engine } from '../core/engine.ts'
import { fromJsonBytes } from '../core/json.ts'
import { REPORT_TYPE, type Report } from '../core/message.ts'
import type { StoredRecord } from '../core/record.ts'
import type { Binding, Run } from '../delivery/binding.ts'
import { bury, type Outcome } from '../delivery/outcome.ts'
import { operationKey, REPORT_QUEUE, taskOfQueue } from './address.ts'
import { endingChanges, type EndingDeps } from './ending.ts'
import { fromRecord, fromReport, isDone } from './snapshot.ts'

const CONCURRENCY = 32
const ATTEMPTS = 100

export function reportBinding(deps: EndingDeps & { readonly engine: Engine }): Binding {
  return {
    queue: REPORT_QUEUE,
    concurrency: CONCURRENCY,
    retry: {
      attempts: ATTEMPTS,
      backoff: { kind: 'exponential', baseMs: 100, capMs: 60_000, factor: 2, jitter: 'full' },
    },
    recognises: ({ message }) => (message.event.type === REPORT_TYPE ? 'yes' : 'unknown'),
    run: (run) => endByReport(deps, run),
  }
}

async function endByReport(deps: EndingDeps & { readonly engine: Engine }, run: Run): Promise<Outcome | undefined> {
  const report = readReport(run)
  if (report === null) return bury('the body is no report on a message of a task', 'invalid-input')
  const [record = null] = await deps.engine.get([operationKey(report.id)])
  if (record !== null && isSettled(record, report)) return undefined
  for (const change of endingChanges(deps, report, fromReport(report))) {
    // A put by somebody else in between has this run again, which then sees it.
    run.hold(change.do === 'put' ? { ...change, ifVersion: record === null ? null : record.version } : change)
  }
  return undefined
}

/** Whether the record knows already of this end, or of a later one; a dead letter that is discarded stays a failed operation. */
function isSettled(record: StoredRecord, report: Report): boolean {
  const kept = fromRecord(record)
  if ('erased' in kept) return true
  return isDone(kept) && (report.state === 'discarded' || (kept.endedAt ?? 0) >= report.endedAt)
}

function readReport(run: Run): Report | null {
  try {
    const report = fromJsonBytes(run.delivery.stored.message.body) as Report
    return typeof report?.id === 'string' && taskOfQueue(report.queue) !== null ? report : null
  } catch {
    return null
  }
}
