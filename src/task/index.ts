/** The public face of tasks and queues. */
export type { Context, Effects, Held, Outcome, RecordEntry, RecordOptions } from './context.ts'
export { queue, task } from './contract.ts'
export type { BackoffOptions, ContractOptions, Decision, Queue, RetryOptions, Runnable, Sendable, Task, Upcast } from './contract.ts'
export { handle } from './handle.ts'
export type { Handler, HandleOptions } from './handle.ts'
export type { Args, MessageOptions, Priority, SendOptions } from './option.ts'
export type { QueueOptions } from './settings.ts'
export type { Awaitable, In, JsonInput, Out } from './wire.ts'
