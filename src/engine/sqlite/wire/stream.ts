/**
 * Calls as bytes, one after another. Commits of one send and of one ack, which come by the ten thousand, have a form of their own; a call with any
 * other is JSON.
 */
import type { Change, Commit } from '../../../core/engine.ts'
import type { Message } from '../../../core/message.ts'
import { encodeCommit } from './encode.ts'
import type { Packer } from './packer.ts'
import type { Call, Sent, SentChange, SentCommit } from './request.ts'

const COMMITS = 1
const CALL = 2
/** Bytes that the next call refers to, up to where it stands. */
const BODIES = 3

/** What each of `COMMITS` does. */
const SEND = 0
const ACK = 1

/** Of a send: what it has, beside id and content. */
const QUEUE = 1
const KEY = 2
const REPORT = 4
const DEDUPE = 8
const DELAY = 16
const EXPIRES = 32

/** An id is a UUID. */
const ID_BYTES = 36
const LONGEST_TOKEN = 100

type Short = Extract<Change, { readonly do: 'send' | 'ack' }>

export type Numbered = Call & { readonly n: number }

export class StreamWriter {
  readonly #packer: Packer
  /** The queue of the last send. */
  #queue = ''

  constructor(packer: Packer) {
    this.#packer = packer
  }

  get isEmpty(): boolean {
    return this.#packer.length === 0
  }

  call(n: number, call: Call): void {
    const text = JSON.stringify(call)
    this.#packer.byte(CALL)
    this.#packer.word(n)
    this.#packer.sized(text)
  }

  /** What cannot be written leaves nothing. */
  commit(n: number, commits: readonly Commit[]): void {
    const at = this.#packer.length
    try {
      this.#commit(n, commits)
    } catch (error) {
      this.#packer.cut(at)
      this.#queue = ''
      throw error
    }
  }

  #commit(n: number, commits: readonly Commit[]): void {
    const packer = this.#packer
    if (commits.every(isShort)) {
      packer.byte(COMMITS)
      packer.word(n)
      packer.word(commits.length)
      for (const { changes } of commits) this.#change(changes[0] as Short)
      return
    }
    // Bodies stand before the call that they belong to.
    const at = packer.length
    packer.byte(BODIES)
    packer.word(0)
    const call: Call = { call: 'commit', commits: commits.map((commit) => encodeCommit(commit, packer)) }
    packer.setWord(at + 1, packer.length)
    this.call(n, call)
  }

  take(): Buffer {
    this.#queue = ''
    return this.#packer.take()
  }

  #change(change: Short): void {
    if (change.do === 'send') return this.#send(change.queue, change.message)
    this.#packer.byte(ACK)
    this.#packer.sized(change.token)
  }

  #send(queue: string, message: Message): void {
    const packer = this.#packer
    const { body, ...attributes } = message
    const { key, report, dedupe, delay, expires } = attributes
    packer.byte(SEND)
    packer.byte(
      (queue === this.#queue ? 0 : QUEUE) |
        (key === undefined ? 0 : KEY) |
        (report === undefined ? 0 : REPORT) |
        (dedupe === undefined ? 0 : DEDUPE) |
        (delay === undefined ? 0 : DELAY) |
        (expires === undefined ? 0 : EXPIRES),
    )
    packer.byte(attributes.priority)
    if (queue !== this.#queue) packer.sized((this.#queue = queue))
    if (key !== undefined) packer.sized(key)
    if (report !== undefined) packer.sized(report)
    if (dedupe !== undefined) packer.sized(dedupe)
    if (delay !== undefined) packer.sized(JSON.stringify(delay))
    if (expires !== undefined) packer.sized(JSON.stringify(expires))
    const at = packer.length
    packer.word(0)
    packer.word(body.byteLength)
    packer.setWord(at, packer.text(attributes.id + JSON.stringify(attributes)) - ID_BYTES)
    packer.add(body)
  }
}

export function readStream(bytes: Buffer): Numbered[] {
  const calls: Numbered[] = []
  const reader = new StreamReader(bytes)
  while (reader.at < bytes.byteLength) reader.next(calls)
  return calls
}

class StreamReader {
  readonly #bytes: Buffer
  at = 0
  #queue = ''

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  next(calls: Numbered[]): void {
    const kind = this.#bytes[this.at++]
    if (kind === BODIES) {
      this.at = this.#word()
      return
    }
    const n = this.#word()
    if (kind === CALL) calls.push(Object.assign(JSON.parse(this.#text()) as Call, { n }))
    else calls.push({ call: 'commit', commits: this.#commits(), n })
  }

  #commits(): SentCommit[] {
    const commits: SentCommit[] = []
    for (let left = this.#word(); left > 0; left--) {
      const change: SentChange = this.#bytes[this.at++] === ACK ? { do: 'ack', token: this.#text() } : this.#send()
      commits.push({ id: null, changes: [change] })
    }
    return commits
  }

  #send(): SentChange {
    const has = this.#bytes[this.at++]!
    const priority = this.#bytes[this.at++]!
    if (has & QUEUE) this.#queue = this.#text()
    const key = has & KEY ? this.#text() : null
    const report = has & REPORT ? this.#text() : null
    const dedupe = has & DEDUPE ? this.#text() : null
    const delay = has & DELAY ? (JSON.parse(this.#text()) as Sent[6]) : null
    const expires = has & EXPIRES ? (JSON.parse(this.#text()) as Sent[7]) : null
    const split = this.#word()
    const body = this.#word()
    const id = this.#bytes.toString('latin1', this.at, (this.at += ID_BYTES))
    const offset = this.at
    this.at += split + body
    // Nobody asks for the type of what is sent to a queue.
    const message: Sent = [id, '', priority, key, report, dedupe, delay, expires, offset, split, split + body]
    return { do: 'send', queue: this.#queue, message }
  }

  #text(): string {
    const length = this.#word()
    return this.#bytes.toString('utf8', this.at, (this.at += length))
  }

  #word(): number {
    const word = this.#bytes.readUInt32LE(this.at)
    this.at += 4
    return word
  }
}

function isShort({ id, changes }: Commit): boolean {
  const [change] = changes
  if (id !== undefined || changes.length !== 1 || change === undefined) return false
  return change.do === 'send' || (change.do === 'ack' && change.token.length <= LONGEST_TOKEN)
}
