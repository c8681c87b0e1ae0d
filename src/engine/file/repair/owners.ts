/**
 * Whose a block is, once frames of the log are missing: in those its number may have been given to another. From then on a block that was
 * written with other content belongs only to those who named it since; and what was put in the missing frames is known from a checkpoint alone,
 * which may be older about its block, so that belongs to nobody unless it was named again.
 */
import type { Entries } from '../../ledger/entries.ts'

/** Numbers that were given while frames were written that are missing. */
interface Gap {
  readonly after: number
  before: number
}

/** A number that only grows: versions of records, positions of events. */
class Growing {
  readonly #gaps: Gap[] = []
  #last = 0

  see(number: number): void {
    const gap = this.#gaps.at(-1)
    if (gap?.before === Infinity) gap.before = number
    this.#last = Math.max(this.#last, number)
  }

  miss(): void {
    if (this.#gaps.at(-1)?.before !== Infinity) this.#gaps.push({ after: this.#last, before: Infinity })
  }

  isMissing(number: number): boolean {
    return this.#gaps.some(({ after, before }) => number > after && number < before)
  }
}

export class Owners {
  /** Whether a frame is missing by now. */
  #isUnsure = false
  readonly #given = new Set<number>()
  readonly #named = new Map<number, Set<string>>()
  readonly #versions = new Growing()
  readonly #positions = new Growing()

  /** What a checkpoint knew before any frame. */
  begin({ version, position }: { readonly version: number; readonly position: number }): void {
    this.#versions.see(version)
    this.#positions.see(position)
  }

  /** A frame is missing. */
  doubt(): void {
    this.#isUnsure = true
    this.#versions.miss()
    this.#positions.miss()
  }

  get isUnsure(): boolean {
    return this.#isUnsure
  }

  /** A block that is known was written again, with other content. */
  givenAnew(block: number): void {
    this.#given.add(block)
    this.#named.delete(block)
  }

  isOfRecord(block: number, record: number, version: number): boolean {
    return this.#isOf(block, `record ${record}`, this.#versions.isMissing(version))
  }

  isOfEvent(block: number, position: number): boolean {
    return this.#isOf(block, `event ${position}`, this.#positions.isMissing(position))
  }

  /** What goes with a message, and has no number that tells when it was written. */
  isOfSlot(block: number, slot: number): boolean {
    return this.#isOf(block, `slot ${slot}`, this.#isUnsure)
  }

  #isOf(block: number, owner: string, mustBeNamed: boolean): boolean {
    if (!mustBeNamed && !this.#given.has(block)) return true
    return this.#named.get(block)?.has(owner) ?? false
  }

  /** Notes who names which block, and gives the entries on. */
  noting(to: Entries): Entries {
    const name = (block: number, owner: string): void => {
      if (this.#isUnsure) this.#named.set(block, (this.#named.get(block) ?? new Set()).add(owner))
    }
    const noting: Partial<Entries> = {
      added: (row) => {
        name(row.about, `slot ${row.slot}`)
        to.added(row)
      },
      failed: (slot, block, code) => {
        name(block, `slot ${slot}`)
        to.failed(slot, block, code)
      },
      recordPut: (row) => {
        this.#versions.see(row.version)
        name(row.block, `record ${row.record}`)
        to.recordPut(row)
      },
      retained: (topic, position, at, block, type) => {
        this.#positions.see(position)
        name(block, `event ${position}`)
        to.retained(topic, position, at, block, type)
      },
    }
    return new Proxy(to, {
      get: (target, method) => Reflect.get(method in noting ? noting : target, method) as unknown,
    })
  }
}
