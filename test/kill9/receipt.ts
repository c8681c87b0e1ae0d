// The judge's own log: what the server confirmed and what it handed out, one JSON value a line, synced to disk. What is not in
// it was never confirmed.

import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'

export type Receipt =
  /** `unknown`: the answer was lost, so it may have happened. */
  | {
      readonly did: 'send'
      readonly queue: 'count' | 'inbox'
      readonly key: string
      readonly id: string | null
      readonly answer: 'confirmed' | 'unknown'
    }
  /** A delivery: which hand-out of the message it is. */
  | { readonly did: 'lease'; readonly id: string; readonly acquired: number }
  | { readonly did: 'ack'; readonly id: string; readonly acquired: number; readonly answer: 'ok' | 'stale' | 'unknown' }
  | { readonly did: 'kill'; readonly round: number }

export class ReceiptLog {
  readonly #file: string
  readonly #handle: number
  #unsynced = 0
  /** Sends that were confirmed so far, to each queue. */
  readonly confirmed: { count: number; inbox: number } = { count: 0, inbox: 0 }

  constructor(file: string) {
    this.#file = file
    this.#handle = openSync(file, 'a')
  }

  add(receipt: Receipt): void {
    writeSync(this.#handle, `${JSON.stringify(receipt)}\n`)
    if (receipt.did === 'send' && receipt.answer === 'confirmed') this.confirmed[receipt.queue]++
    if (++this.#unsynced >= 64) this.#sync()
  }

  /** All that was logged, read back from the file. */
  end(): readonly Receipt[] {
    this.#sync()
    closeSync(this.#handle)
    const lines = readFileSync(this.#file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as Receipt)
  }

  #sync(): void {
    fdatasyncSync(this.#handle)
    this.#unsynced = 0
  }
}
