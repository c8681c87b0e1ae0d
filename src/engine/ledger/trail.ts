/**
 * What happens to messages, for those who follow it: told in groups, never before it is durable. While nobody follows, nothing of
 * it exists: following puts an ear between the deciders and the state, and takes it out again when the last has gone.
 */
import type { Happening } from '../../core/engine.ts'
import { formatUuid } from '../../core/uuid.ts'
import { Both } from './both.ts'
import type { Desk } from './decide/desk.ts'
import { DEAD, type Entries, type MessageRow } from './entries.ts'
import { STATE_NAMES } from './read/view.ts'
import { CHUNK_MASK } from './state/slots.ts'

type Follower = (happenings: readonly Happening[]) => void

export class Trail {
  readonly #desk: Desk
  readonly #followers = new Set<Follower>()
  #undurable: { readonly frame: number; readonly happening: Happening }[] = []
  #given: Happening[] = []
  /** How the deciders speak while nobody follows. */
  #plain: Entries | null = null

  constructor(desk: Desk) {
    this.#desk = desk
  }

  follow(listener: Follower): Disposable {
    // A listener of its own, so that one function given twice is two followers.
    const follower: Follower = (happenings) => listener(happenings)
    this.#followers.add(follower)
    this.#listen()
    return {
      [Symbol.dispose]: () => {
        this.#followers.delete(follower)
        if (this.#followers.size === 0) this.#deafen()
      },
    }
  }

  /** Everything up to this frame is durable. */
  reached(frame: number): void {
    if (this.#undurable.length === 0) return
    const first = this.#undurable.findIndex((each) => each.frame > frame)
    const due = this.#undurable.splice(0, first < 0 ? this.#undurable.length : first)
    for (const { happening } of due) this.#give(happening)
  }

  #listen(): void {
    if (this.#plain !== null) return
    this.#plain = this.#desk.effects
    this.#desk.effects = new Both(this.#plain, this.#ear())
  }

  #deafen(): void {
    if (this.#plain === null) return
    this.#desk.effects = this.#plain
    this.#plain = null
    this.#undurable = []
  }

  /** Hears first, while a slot is still what it was. */
  #ear(): Entries {
    const deaf = Object.fromEntries(
      Object.getOwnPropertyNames(Both.prototype)
        .filter((name) => name !== 'constructor')
        .map((name) => [name, () => {}]),
    ) as unknown as Entries
    return {
      ...deaf,
      added: (row) => this.#added(row),
      failed: (slot, _block, code) => this.#heard(slot, 'failed', code),
      buried: (slot, _at, reason) => this.#heard(slot, STATE_NAMES[DEAD] as 'dead', reason),
      ended: (slot, _queue, state, _at, reason) => this.#heard(slot, STATE_NAMES[state] as Happening['what'], reason),
    }
  }

  #added(row: MessageRow): void {
    const { queues, names } = this.#desk.state
    this.#tell({
      at: this.#desk.now,
      what: 'sent',
      queue: queues.rows[row.queue]?.name ?? '',
      id: formatUuid(row.id0, row.id1, row.id2, row.id3),
      type: names.text(row.type),
      key: row.key === 0 ? null : names.text(row.key),
      group: row.group === 0 ? null : names.text(row.group),
      sentAt: row.sentAt,
      acquired: row.acquired,
      failed: row.failed,
      reason: null,
    })
  }

  #heard(slot: number, what: Happening['what'], reason: number): void {
    const { messages, queues, names } = this.#desk.state
    const chunk = messages.slots.of(slot)
    const row = slot & CHUNK_MASK
    const textOf = (name: number): string | null => (name === 0 ? null : names.text(name))
    this.#tell({
      at: this.#desk.now,
      what,
      queue: queues.rows[chunk.queue[row]!]?.name ?? '',
      id: formatUuid(chunk.id0[row]!, chunk.id1[row]!, chunk.id2[row]!, chunk.id3[row]!),
      type: names.text(chunk.type[row]!),
      key: textOf(chunk.key[row]!),
      group: textOf(chunk.group[row]!),
      sentAt: chunk.sentAt[row]!,
      acquired: chunk.acquired[row]!,
      // What has just failed is not counted yet.
      failed: chunk.failed[row]! + (what === 'failed' ? 1 : 0),
      reason: textOf(reason),
    })
  }

  #tell(happening: Happening): void {
    const { frame } = this.#desk.store
    if (frame === 0) this.#give(happening)
    else this.#undurable.push({ frame, happening })
  }

  #give(happening: Happening): void {
    if (this.#given.push(happening) > 1) return
    queueMicrotask(() => {
      const given = this.#given
      this.#given = []
      for (const follower of this.#followers) follower(given)
    })
  }
}
