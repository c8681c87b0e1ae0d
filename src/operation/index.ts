/** The public face of operations. */
export {
  CALLBACK_QUEUE,
  callbackToEndpoint,
  ENDED_TYPE,
  ENDPOINT_NOTE,
  eventTypeOf,
  operationKey,
  REPORT_QUEUE,
  taskOfQueue,
  taskQueue,
  type OperationNotes,
} from './address.ts'
export { attach, attachSent, type AttachDeps } from './attach.ts'
export { endingChanges, fromEnded, type EndingDeps, type EndingMessage } from './ending.ts'
export type { OperationPage, OperationQuery } from './list.ts'
export type {
  Ended,
  FailureCode,
  Operation,
  OperationError,
  OperationStatus,
  OperationView,
  Progress,
  Receipt,
  SentOperation,
  WaitOptions,
} from './operation.ts'
export { ProgressReport, type ProgressDeps } from './progress.ts'
export { reportBinding } from './report.ts'
export { toResource, type OperationResource } from './resource.ts'
export { isDone, type OperationSnapshot } from './snapshot.ts'
export { OperationStore } from './store.ts'
export type { Wait, WaitDeps } from './wait.ts'
