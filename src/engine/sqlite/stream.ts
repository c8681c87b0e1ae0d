/**
 * Calls as one flat list, because each object costs its names and more to clone. The two that come by the ten thousand, a commit of one send and one
 * of one ack, are words of their own; any other call is an object.
 */
import type { Change, Commit } from '../../core/engine.ts'
import { encodeCommit, encodeMessage } from './encode.ts'
import type { Packer } from './packer.ts'
import type { Call, SentCommit, Word } from './request.ts'

const SEND = 0
const ACK = 1
const CALL = 2

export type Numbered = Call & { readonly n: number }

export class StreamWriter {
  readonly packer: Packer
  #words: Word[] = []

  constructor(packer: Packer) {
    this.packer = packer
  }

  get isEmpty(): boolean {
    return this.#words.length === 0
  }

  call(n: number, call: Call): void {
    this.#words.push(CALL, n, call)
  }

  commit(n: number, commits: readonly Commit[]): void {
    const only = commits.length === 1 && commits[0]!.id === undefined ? commits[0]!.changes : []
    if (only.length !== 1 || !this.#change(n, only[0]!))
      this.call(n, { call: 'commit', commits: commits.map((commit) => encodeCommit(commit, this.packer)) })
  }

  take(): readonly Word[] {
    const words = this.#words
    this.#words = []
    return words
  }

  /** Whether it was one of the two. */
  #change(n: number, change: Change): boolean {
    if (change.do === 'ack') this.#words.push(ACK, n, change.token)
    else if (change.do === 'send')
      this.#words.push(SEND, n, change.queue, ...encodeMessage(change.message, this.packer))
    else return false
    return true
  }
}

export function readStream(words: readonly Word[]): Numbered[] {
  const calls: Numbered[] = []
  for (let at = 0; at < words.length;) {
    const kind = words[at]
    const n = words[at + 1] as number
    if (kind === SEND) {
      const message = words.slice(at + 3, at + 3 + SENT_WORDS) as never
      calls.push(commitOf(n, [{ id: null, changes: [{ do: 'send', queue: words[at + 2] as string, message }] }]))
      at += 3 + SENT_WORDS
    } else if (kind === ACK) {
      calls.push(commitOf(n, [{ id: null, changes: [{ do: 'ack', token: words[at + 2] as string }] }]))
      at += 3
    } else {
      calls.push(Object.assign(words[at + 2] as Call, { n }))
      at += 3
    }
  }
  return calls
}

/** Of a message: see `Sent`. */
const SENT_WORDS = 11

const commitOf = (n: number, commits: readonly SentCommit[]): Numbered => ({ call: 'commit', commits, n })
