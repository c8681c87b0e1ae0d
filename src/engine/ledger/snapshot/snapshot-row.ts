/** Rows of the tables as JSON, for a checkpoint, and back. */
import type { StoredSubscription } from '../../../core/settings.ts'
import type { QueueRow, RecordRow, SubscriptionRow, TopicRow } from '../entries.ts'
import type { PagedTable } from './replay.ts'
import type { LedgerState } from '../state/state.ts'

interface SavedQueue extends QueueRow {
  readonly nextSeq: number
  readonly totals: readonly number[]
}

interface SavedSubscription extends SubscriptionRow {
  readonly gaps: StoredSubscription['gaps']
}

interface SavedName {
  readonly name: number
  readonly text: string
}

export function rowsOf(state: LedgerState, table: PagedTable, from: number, count: number): readonly unknown[] {
  const numbers = Array.from({ length: count }, (_, at) => from + at)
  switch (table) {
    case 'queue':
      return present(numbers, (number) => state.queues.get(number)).map(
        (queue) => ({ ...queue.row(), nextSeq: queue.nextSeq, totals: [...queue.totals] }) satisfies SavedQueue,
      )
    case 'name':
      return present(numbers, (name) =>
        state.names.texts[name] === undefined ? undefined : { name, text: state.names.texts[name] },
      ) satisfies SavedName[]
    case 'record':
      return present(numbers, (number) => state.records.rows.get(number))
    case 'topic':
      return present(numbers, (number) => state.topics.get(number)).map((topic) => topic.row())
    case 'subscription':
      return present(numbers, (number) => state.subscriptions.get(number)).map(
        ({ row, gaps }) => ({ ...row, gaps }) satisfies SavedSubscription,
      )
  }
}

export function loadRows(state: LedgerState, table: PagedTable, rows: unknown): void {
  switch (table) {
    case 'queue':
      for (const { nextSeq, totals, ...row } of rows as SavedQueue[]) {
        state.queueSet(row)
        const queue = state.queues.get(row.queue)!
        queue.nextSeq = nextSeq
        queue.totals.set(totals)
      }
      return
    case 'name':
      for (const { name, text } of rows as SavedName[]) state.named(name, text)
      return
    case 'record':
      for (const row of rows as RecordRow[]) state.recordPut(row)
      return
    case 'topic':
      for (const row of rows as TopicRow[]) state.topicSet(row)
      return
    case 'subscription':
      for (const { gaps, ...row } of rows as SavedSubscription[]) {
        state.subscriptionSet(row)
        state.subscriptionGaps(row.number, gaps)
      }
  }
}

function present<Row>(numbers: readonly number[], get: (number: number) => Row | undefined): Row[] {
  return numbers.map(get).filter((row) => row !== undefined)
}
