/**
 * What can be done to an engine, as JSON: sequences of these are made up at random, printed, shrunk, kept and replayed.
 * Tokens and versions are named by when they were seen, times are relative, so that any sequence means something anywhere.
 * Times are multiples of ten milliseconds: in such steps they pass for the oracle.
 */
import type { Change, Commit, Durability } from '../core/engine.ts'
import type { Message, When } from '../core/message.ts'
import {
  settingsKey,
  subscriptionKey,
  type QueueSettings,
  type Retention,
  type Subscription,
} from '../core/settings.ts'
import type { Leaving } from './subject.ts'

export type Command =
  /** `apart`: each in a call of its own, all at once. */
  | { readonly do: 'commit'; readonly commits: readonly CommitSketch[]; readonly apart?: boolean }
  | {
      readonly do: 'lease'
      readonly wants: readonly (readonly [queue: string, max: number])[]
      readonly leaseMs: number
      readonly holder: 'process' | 'client'
    }
  /** The last lease request, once more. */
  | { readonly do: 'lease-again' }
  | { readonly do: 'extend'; readonly tokens: readonly number[]; readonly leaseMs: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'step-wall'; readonly ms: number }
  /** `unanswered`: commits under way when it happens · `turns`: how long they had · `luck`: how the fault turns out. */
  | {
      readonly do: 'reopen'
      readonly how: Leaving
      readonly unanswered?: readonly CommitSketch[]
      readonly turns?: number
      readonly luck?: number
    }
  /** Compares everything that can be seen. */
  | { readonly do: 'look' }

export interface CommitSketch {
  readonly id?: string
  readonly durability?: Durability
  readonly changes: readonly ChangeSketch[]
}

/** Which hand-out: 0 is the newest, 1 the one before. */
export type TokenSketch = number
/** The version that the key has, the first it had, or none. */
export type VersionSketch = 'current' | 'first' | null
export type WhenSketch = { readonly afterMs: number } | { readonly atInMs: number }

export interface MessageSketch {
  /** The message's number, of which its id is made. */
  readonly n: number
  readonly type?: string
  readonly key?: string
  readonly priority?: number
  readonly delay?: WhenSketch
  readonly expires?: WhenSketch
  readonly dedupe?: string
  readonly report?: string
}

export type ChangeSketch =
  | ({ readonly do: 'send'; readonly queue: string } & MessageSketch)
  | ({ readonly do: 'publish'; readonly topic: string } & MessageSketch)
  | { readonly do: 'ack' | 'bury' | 'drop'; readonly token: TokenSketch }
  | { readonly do: 'retry' | 'release'; readonly token: TokenSketch; readonly delay: WhenSketch }
  | {
      readonly do: 'put'
      readonly key: string
      readonly text: string
      readonly ifVersion?: VersionSketch
      readonly expiresInMs?: number
      readonly aliases?: readonly string[]
    }
  | { readonly do: 'remove'; readonly key: string; readonly ifVersion?: 'current' | 'first' }
  | {
      readonly do: 'configure'
      readonly queue: string
      readonly settings: QueueSettings
      readonly ifVersion?: VersionSketch
    }
  | { readonly do: 'retain'; readonly topic: string; readonly retention: Retention | null }
  | { readonly do: 'bind'; readonly subscription: Subscription; readonly ifVersion?: VersionSketch }
  | { readonly do: 'unbind'; readonly topic: string; readonly name: string }
  | {
      readonly do: 'cancel' | 'redrive' | 'discard'
      readonly messages: readonly { readonly queue: string; readonly n: number }[]
    }

/** What the names in a sketch stand for in the engine. */
export interface Meaning {
  token(sketch: TokenSketch): string
  version(key: string, sketch: VersionSketch | undefined): string | null | undefined
  readonly wallMs: number
}

const encoder = new TextEncoder()

export const idOf = (n: number): string => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

export function toCommit(sketch: CommitSketch, meaning: Meaning): Commit {
  const { id, durability } = sketch
  return { id, durability, changes: sketch.changes.map((change) => toChange(change, meaning)) }
}

function toChange(sketch: ChangeSketch, meaning: Meaning): Change {
  switch (sketch.do) {
    case 'send':
      return { do: 'send', queue: sketch.queue, message: toMessage(sketch, meaning) }
    case 'publish':
      return { do: 'publish', topic: sketch.topic, message: toMessage(sketch, meaning) }
    case 'ack':
      return { do: 'ack', token: meaning.token(sketch.token) }
    case 'drop':
      return { do: 'drop', token: meaning.token(sketch.token), reason: 'not wanted' }
    case 'bury':
      return { do: 'bury', token: meaning.token(sketch.token), error: { code: 'broken', message: 'it broke' } }
    case 'release':
      return { do: 'release', token: meaning.token(sketch.token), delay: toWhen(sketch.delay, meaning) }
    case 'retry': {
      const error = { code: 'flaky', message: 'it failed' }
      return { do: 'retry', token: meaning.token(sketch.token), delay: toWhen(sketch.delay, meaning), error }
    }
    case 'put': {
      const { key, text, expiresInMs, aliases } = sketch
      const expiresAt = expiresInMs === undefined ? undefined : meaning.wallMs + expiresInMs
      const ifVersion = meaning.version(key, sketch.ifVersion)
      return { do: 'put', key, value: encoder.encode(text), ifVersion, expiresAt, aliases }
    }
    case 'remove':
      return { do: 'remove', key: sketch.key, ifVersion: meaning.version(sketch.key, sketch.ifVersion) ?? undefined }
    case 'configure':
      return { ...sketch, ifVersion: meaning.version(settingsKey(sketch.queue), sketch.ifVersion) }
    case 'bind': {
      const { topic, name } = sketch.subscription
      return { ...sketch, ifVersion: meaning.version(subscriptionKey(topic, name), sketch.ifVersion) }
    }
    case 'retain':
    case 'unbind':
      return sketch
    case 'cancel':
    case 'redrive':
    case 'discard':
      return { do: sketch.do, messages: sketch.messages.map(({ queue, n }) => ({ queue, id: idOf(n) })) }
  }
}

function toMessage(sketch: MessageSketch, meaning: Meaning): Message {
  const { n, type = 'kit.made', key, priority = 4, delay, expires, dedupe, report } = sketch
  return {
    id: idOf(n),
    event: { id: `event-${n}`, source: '/kit', type },
    body: encoder.encode(`body ${n}`),
    priority,
    key,
    dedupe,
    report,
    delay: delay && toWhen(delay, meaning),
    expires: expires && toWhen(expires, meaning),
  }
}

function toWhen(sketch: WhenSketch, meaning: Meaning): When {
  return 'afterMs' in sketch ? sketch : { at: Math.max(0, meaning.wallMs + sketch.atInMs) }
}
