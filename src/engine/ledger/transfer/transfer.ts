/** The ledger opened for a copy: time decides nothing meanwhile, and what somebody else decides is noticed. */
import { PosthornError } from '../../../core/error.ts'
import type { Piece, Transfer } from '../../../core/transfer.ts'
import { Both } from '../both.ts'
import type { Conduct } from '../conduct.ts'
import { HELD, DEAD, type Entries } from '../entries.ts'
import { reopen } from '../time/reopen.ts'
import { settleTouched } from '../time/due.ts'
import { CHUNK_MASK } from '../state/slots.ts'
import { piecesOf } from './pieces.ts'
import { takeIn } from './take-in.ts'

export class LedgerTransfer implements Transfer {
  readonly #conduct: Conduct
  readonly #plain: Entries
  /** Effects of whoever decides, this included. */
  #heard = 0
  #taken = false
  #isClosed = false

  constructor(conduct: Conduct) {
    this.#conduct = conduct
    conduct.isStill = true
    const { desk } = conduct
    this.#plain = desk.effects
    desk.effects = new Both(this.#plain, this.#ear())
  }

  now(): Promise<number> {
    return this.#conduct.read(() => this.#conduct.desk.now)
  }

  isEmpty(): boolean {
    const { queues, topics, records } = this.#conduct.desk.state
    return queues.size === 0 && topics.size === 0 && records.rows.size === 0
  }

  peek(key: string): Promise<Uint8Array | null> {
    const { desk } = this.#conduct
    return this.#conduct.read(() => {
      const row = desk.state.records.find(key)
      return row === undefined ? null : desk.store.blocks.readBytes(row.block)
    })
  }

  async *pieces(at: number): AsyncIterable<Piece> {
    await this.now()
    const heard = this.#heard
    for await (const piece of piecesOf(this.#conduct.desk, at)) {
      if (this.#heard !== heard)
        throw new PosthornError(
          'conflict',
          'the engine was used while it was copied: copy it while nobody works with it',
        )
      yield piece
    }
  }

  takeIn(pieces: readonly Piece[]): Promise<void> {
    const { desk } = this.#conduct
    this.#taken = true
    return this.#decide(() => {
      for (const piece of pieces) takeIn(desk, piece)
    })
  }

  drop(key: string): Promise<void> {
    const { desk } = this.#conduct
    return this.#decide(() => {
      const row = desk.state.records.find(key)
      if (row !== undefined) desk.effects.recordRemoved(row.record)
    })
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    this.#isClosed = true
    const { desk } = this.#conduct
    this.#conduct.isStill = false
    desk.effects = this.#plain
    if (!this.#taken) return Promise.resolve()
    return this.#decide(() => {
      this.#sort()
      reopen(desk)
      settleTouched(desk)
    })
  }

  #decide(apply: () => void): Promise<void> {
    return this.#conduct.run(() => {
      this.#conduct.desk.dirty()
      apply()
      this.#conduct.finish()
      return this.#conduct.answer(this.#conduct.best, undefined)
    })
  }

  /** What was taken in came in order of arrival: who is held, dead or has ended stands in the order of its own, as after a replay. */
  #sort(): void {
    const { messages } = this.#conduct.desk.state
    const { slots, placing } = messages
    const moved: { readonly slot: number; readonly order: number }[] = []
    for (let slot = 1; slot <= slots.high; slot++) {
      const chunk = slots.of(slot)
      const row = slot & CHUNK_MASK
      const state = chunk.state[row]!
      if (state === HELD) moved.push({ slot, order: chunk.place[row]! })
      else if (state >= DEAD) moved.push({ slot, order: chunk.due[row]! })
    }
    moved.sort((one, other) => one.order - other.order)
    for (const { slot } of moved) placing.unlink(slot, slots.of(slot), slot & CHUNK_MASK)
    for (const { slot } of moved) placing.link(slot, slots.of(slot), slot & CHUNK_MASK)
  }

  #ear(): Entries {
    const hear = (): void => {
      this.#heard++
    }
    const names = Object.getOwnPropertyNames(Both.prototype).filter((name) => name !== 'constructor')
    return Object.fromEntries(names.map((name) => [name, hear])) as unknown as Entries
  }
}
