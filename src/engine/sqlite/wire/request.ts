/**
 * What the engine's face and the thread that owns the database say to each other: plain values that can be cloned, many calls in one post.
 * Bodies travel together in one buffer, because a view would take its whole buffer along.
 */
import type { BrowseQuery, Change, LeaseRequest } from '../../../core/engine.ts'
import type { MessageRef, StoredMessage, When } from '../../../core/message.ts'
import type { ReadFrom } from '../../../core/settings.ts'
import type { Notice } from '../state/notices.ts'

/** Where bytes are in the buffer that travels along. */
export type Span = readonly [offset: number, length: number]

/** A message on its way in: what deciders need apart, and where its content is (see content.ts). A list, because names would travel along. */
export type Sent = readonly [
  id: string,
  type: string,
  priority: number,
  key: string | null,
  report: string | null,
  dedupe: string | null,
  delay: When | null,
  expires: When | null,
  offset: number,
  split: number,
  length: number,
]

type Plain = Exclude<Change['do'], 'send' | 'publish' | 'put' | 'restore'>

export type SentChange =
  | Extract<Change, { readonly do: Plain }>
  | { readonly do: 'send'; readonly queue: string; readonly message: Sent }
  | { readonly do: 'publish'; readonly topic: string; readonly message: Sent }
  | (Omit<Extract<Change, { readonly do: 'put' }>, 'value'> & { readonly value: Span })
  | { readonly do: 'restore'; readonly message: Sent; readonly stored: Omit<StoredMessage, 'message'> }

export interface SentCommit {
  readonly id: string | null
  readonly changes: readonly SentChange[]
}

export type Call =
  | { readonly call: 'commit'; readonly commits: readonly SentCommit[] }
  | { readonly call: 'lease'; readonly request: LeaseRequest }
  | { readonly call: 'extend'; readonly tokens: readonly string[]; readonly leaseMs: number }
  | { readonly call: 'get'; readonly keys: readonly string[] }
  | { readonly call: 'list'; readonly prefix: string; readonly after: string | null; readonly limit: number }
  | { readonly call: 'find'; readonly messages: readonly MessageRef[] }
  | { readonly call: 'browse'; readonly query: BrowseQuery }
  | { readonly call: 'depth'; readonly queues: readonly string[] | 'all' }
  | { readonly call: 'read'; readonly topic: string; readonly from: ReadFrom; readonly limit: number }
  /** What happens to messages is to be told from now on, or no more. */
  | { readonly call: 'follow'; readonly follows: boolean }
  /** Somebody else may have written: it is looked at, without waiting for whoever writes. */
  | { readonly call: 'look' }
  /** What time has decided is to be done. */
  | { readonly call: 'sweep' }
  | { readonly call: 'close' }

/** Calls of one moment, as bytes (see stream.ts). `ticks`: the clock they live by, where it is not the machine's. */
export interface Post {
  readonly bytes: Buffer
  readonly ticks: Ticks | null
}

/** A monotonic clock that all processes share, and the wall's. */
export interface Ticks {
  readonly machineMs: number
  readonly wallMs: number
}

/** An error as a value: a thread's errors are another's only by their text. */
export interface Fault {
  readonly code: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

export type Answer = { readonly n: number; readonly value: unknown } | { readonly n: number; readonly fault: Fault }

export interface Reply {
  /** Where among the bytes the numbers are of calls of whose commits nothing is to be said but that each did its one change. */
  readonly done: Span
  readonly answers: readonly Answer[]
  readonly bytes: Buffer
  readonly notices: readonly Notice[]
  /** What happened to messages, each as JSON, if somebody here follows it. */
  readonly happenings: readonly string[]
  /** Milliseconds until time decides something, on the engine's or the wall's clock; null: nothing is due. */
  readonly dueInMs: number | null
  /** How long it took to make it durable. */
  readonly commitMs: number
  /** The host will decide nothing any more: what was half done must not be built upon. */
  readonly failure: Fault | null
}
