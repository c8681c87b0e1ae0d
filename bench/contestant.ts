/**
 * What is measured: a queue that takes work durably and hands it to handlers. Posthorn is one contestant among others, and
 * every mode of work is written once, against this interface, so that all of them do the same.
 */

/** One piece of work, as each contestant carries it: JSON of about `--bytes`. `n` numbers the pieces of a run. */
export interface Work {
  readonly n: number
  readonly text: string
}

export interface Limits {
  /** Handlers that run at once, at most. */
  readonly handlers: number
  /** Messages asked for at once. */
  readonly batch: number
}

export interface Working {
  /** Takes nothing more; resolves when all that was handed out is settled as durably as the contestant settles. */
  stop(): Promise<void>
}

export interface Contestant {
  readonly name: string
  /** Of what does the storing; known after `setUp`. */
  readonly version: string
  /** What the answer to a send promises, and what is known of an ack; known after `setUp`. */
  readonly durability: string
  /** @throws Unavailable where what it needs is not installed or not running */
  setUp(): Promise<void>
  /** Resolves when the work is confirmed. */
  send(work: Work): Promise<unknown>
  /** Many in one durable step, where the contestant has that. */
  sendMany?(works: readonly Work[]): Promise<void>
  /** Hands work to a handler that does nothing but tell `started`. Resolves when it is ready to take. */
  work(limits: Limits, started: (n: number) => void): Promise<Working>
  /** Removes everything that `setUp` and the run made. */
  tearDown(): Promise<void>
}

/** The handler of every contestant: asynchronous, and done at once. */
export async function handleAtOnce(work: Work, started: (n: number) => void): Promise<void> {
  started(work.n)
}

/** Not installed, or not running: its row is left out, and the message says why. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

export interface ContestantOptions {
  /** Of Posthorn's engine; null: a file engine in a temporary folder under `dir`. */
  readonly engine: string | null
  readonly level: 'api' | 'engine'
  /** Where temporary folders go: Posthorn's and Redis' must be on one disk to be compared. */
  readonly dir: string
  /** Port of a redis-server that runs already; null: start one. */
  readonly redisPort: number | null
}

export const CONTESTANTS = [
  'posthorn',
  'bullmq',
  'redis-streams',
  'rabbitmq-classic',
  'rabbitmq-quorum',
  'nats',
] as const
export type ContestantName = (typeof CONTESTANTS)[number]

const LOADERS: Readonly<Record<ContestantName, (options: ContestantOptions) => Promise<Contestant>>> = {
  'posthorn': async (options) =>
    options.level === 'engine'
      ? new (await import('./posthorn-engine.ts')).PosthornEngine(options)
      : new (await import('./posthorn.ts')).Posthorn(options),
  'bullmq': async (options) => new (await import('./peers/bullmq.ts')).BullMq(options),
  'redis-streams': async (options) => new (await import('./peers/redis-streams.ts')).RedisStreams(options),
  'rabbitmq-classic': async () => new (await import('./peers/rabbitmq.ts')).RabbitMq('classic'),
  'rabbitmq-quorum': async () => new (await import('./peers/rabbitmq.ts')).RabbitMq('quorum'),
  'nats': async () => new (await import('./peers/nats.ts')).Nats(),
}

/** Loads only the client that is asked for. */
export function createContestant(name: ContestantName, options: ContestantOptions): Promise<Contestant> {
  return LOADERS[name](options)
}
