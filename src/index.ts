/** Everything a user imports from 'posthorn'. What is not here is not part of the public API. */
export {
  backup,
  repair,
  restore,
  type BackupReport,
  type DamagedRange,
  type FolderOptions,
  type Loss,
  type LostFrames,
  type RepairReport,
} from './backup.ts'
export { copy, type CopyCounts, type CopyOptions, type CopyReport } from './copy.ts'
export type {
  Ack,
  Attempt,
  ChangeEndpointOptions,
  CreateEndpointOptions,
  CustomProfile,
  CustomProfileOptions,
  Delivering,
  DeliverOptions,
  Disabled,
  Drill,
  DrillStep,
  EndpointControl,
  EndpointOptions,
  EndpointRetry,
  EndpointRetryOptions,
  EndpointSubscription,
  EndpointView,
  ProfileName,
  Redelivered,
  RedeliverOptions,
  SecretValue,
  SecretView,
  Verified,
} from './callback/index.ts'
export { systemClock, type Clock } from './core/clock.ts'
export type { Duration } from './core/duration.ts'
export type { Durability, Page, QueueDepth, Version } from './core/engine.ts'
export { ERRORS, isPosthornError, PosthornError, type ErrorCode, type ErrorKind, type Problem } from './core/error.ts'
export type { Ids, Random } from './core/id.ts'
export type { Json } from './core/json.ts'
export type { Measure, Spread } from './core/measure.ts'
export type {
  EventAttributes,
  Failure,
  Message,
  MessageRef,
  State,
  StoredFailure,
  StoredMessage,
  When,
} from './core/message.ts'
export type { Schema, SchemaInput, SchemaIssue, SchemaOutput } from './core/schema.ts'
export type { Filter } from './core/filter.ts'
export type { QueueSettings } from './core/settings.ts'
export type { Middleware, Next, Run } from './delivery/binding.ts'
export type { Outcome as RunOutcome } from './delivery/outcome.ts'
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
} from './operation/index.ts'
export {
  open,
  type OpenLimits,
  type OpenOptions,
  type Part,
  type Post,
  type PublishReceipt,
  type StopOptions,
  type Work,
  type Worker,
  type WorkGiven,
  type WorkOptions,
  type WorkParts,
} from './posthorn.ts'
export type {
  BrowseOptions,
  Match,
  PurgeOptions,
  QueueControl,
  RedriveOptions,
  SettingsChange,
  StoredSettings,
  Swept,
  SweepOptions,
} from './queue/index.ts'
export type { ListOptions, PutOptions, RecordControl, RecordValue } from './record/index.ts'
export { createLog, silentLog, type Log, type LogFacts, type LogLevel, type LogSink } from './runtime/log.ts'
export type {
  ActOptions,
  AppControl,
  AppOptions,
  AppView,
  DeleteAppOptions,
  KeyOptions,
  KeyView,
  NewKey,
  Quotas,
  RotateOptions,
} from './app/index.ts'
export type { TransactionSource } from './core/transaction.ts'
export { handle, queue, task } from './task/index.ts'
export type {
  Args,
  Awaitable,
  BackoffOptions,
  Context,
  Contract,
  ContractOptions,
  Decision,
  Effects,
  Handler,
  HandleOptions,
  Held,
  In,
  JoinOptions,
  JsonInput,
  MessageOptions,
  Out,
  Outcome,
  Priority,
  Publishable,
  PublishOptions,
  Queue,
  QueueOptions,
  RecordEntry,
  RetryOptions,
  Runnable,
  Sendable,
  SendOptions,
  Task,
  Upcast,
} from './task/index.ts'
export { subscribe, systemEvents, topic } from './topic/index.ts'
export type {
  Checked,
  Event,
  EventFor,
  EventVersion,
  From,
  Gap,
  Matching,
  Published,
  ReadOptions,
  RetainedView,
  RetainOptions,
  EndpointNotice,
  SubscribeOptions,
  SubscriptionNotice,
  SubscriptionOptions,
  SubscriptionView,
  SystemEvents,
  Topic,
  TopicControl,
  TopicOptions,
  UnsubscribeOptions,
} from './topic/index.ts'
