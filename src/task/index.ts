/** The public face of tasks and queues. */
export { bindHandlers, type BindDeps } from './bind.ts'
export { Composer, type ComposeDeps, type ComposeOptions, type Outgoing } from './compose.ts'
export type { Context, Effects, Held, Outcome, RecordEntry } from './context.ts'
export {
  queue,
  task,
  type BackoffOptions,
  type Contract,
  type ContractOptions,
  type Decision,
  type Publishable,
  type Queue,
  type RetryOptions,
  type Runnable,
  type Sendable,
  type Task,
  type Upcast,
} from './contract.ts'
export { decode, parseOutput, recognises, type Decoded } from './decode.ts'
export { definitionOf, resolvePolicy, type Definition, type Policy } from './definition.ts'
export {
  createHandler,
  handle,
  handlerDefinitionOf,
  resolveRunning,
  type DeclareDeps,
  type Handler,
  type HandleOptions,
  type HandlerDefinition,
  type Reading,
} from './handle.ts'
export { InsideMark } from './inside.ts'
export { JoinSender } from './join.ts'
export type { Args, JoinOptions, MessageOptions, Priority, PublishOptions, SendOptions } from './option.ts'
export { applyPolicies, Registry } from './registry.ts'
export { bindingOf, type RunDeps } from './run.ts'
export { Sender } from './sender.ts'
export { endingBySettle } from './settle.ts'
export type { QueueOptions } from './settings.ts'
export {
  brandTopic,
  defineEvent,
  defineSubscription,
  eventDefinitionOf,
  isTopic,
  topicDefinitionOf,
  type TopicDefinition,
} from './topic-definition.ts'
export { Working, type WorkingDeps } from './working.ts'
export type { Awaitable, In, JsonInput, Out } from './wire.ts'
