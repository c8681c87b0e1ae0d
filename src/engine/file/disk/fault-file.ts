/** A file of the fault disk: its bytes as the system shows them, and apart from these what is durable and what is not yet. */
import type { Random } from '../../../core/id.ts'

interface Change {
  readonly position: number
  /** null: the file was cut to `position`. */
  readonly bytes: Uint8Array | null
}

export class FaultFile {
  #shown: Content = new Content()
  #durable: Content = new Content()
  #unsynced: Change[] = []
  #settled = 0

  get sizeBytes(): number {
    return this.#shown.size
  }

  /** Changes so far: what a sync that begins now makes durable. */
  get changes(): number {
    return this.#settled + this.#unsynced.length
  }

  bytes(): Uint8Array {
    return this.#shown.bytes.subarray(0, this.#shown.size)
  }

  read(target: Uint8Array, position: number): number {
    const part = this.#shown.bytes.subarray(
      Math.min(position, this.#shown.size),
      Math.min(position + target.byteLength, this.#shown.size),
    )
    target.set(part)
    return part.byteLength
  }

  write(bytes: Uint8Array, position: number): void {
    this.#shown.write(bytes, position)
    this.#unsynced.push({ position, bytes })
  }

  truncate(sizeBytes: number): void {
    this.#shown.truncate(sizeBytes)
    this.#unsynced.push({ position: sizeBytes, bytes: null })
  }

  /** The changes up to this one are durable from now on. */
  settle(until: number): void {
    for (const change of this.#take(until)) this.#durable.apply(change)
  }

  /** A failed sync: the system forgets that these were not written (it shows them, and no later sync writes them). */
  lose(until: number): void {
    this.#take(until)
  }

  /** Power was cut: what was not synced is gone. */
  drop(): void {
    this.#take(this.changes)
    this.#shown = this.#durable.copy()
  }

  /** Power was cut: of what was not synced, each sector is there or is not. */
  tear(sectorBytes: number, random: Random): void {
    for (const { position, bytes } of this.#unsynced) {
      if (bytes === null) {
        if (random() < 0.5) this.#durable.truncate(position)
        continue
      }
      for (let from = 0; from < bytes.byteLength;) {
        const until = Math.min(
          bytes.byteLength,
          (Math.floor((position + from) / sectorBytes) + 1) * sectorBytes - position,
        )
        if (random() < 0.5) this.#durable.write(bytes.subarray(from, until), position + from)
        from = until
      }
    }
    this.drop()
  }

  #take(until: number): Change[] {
    const taken = this.#unsynced.splice(0, Math.max(0, until - this.#settled))
    this.#settled += taken.length
    return taken
  }
}

class Content {
  bytes: Uint8Array = new Uint8Array(0)
  size = 0

  apply({ position, bytes }: Change): void {
    if (bytes === null) this.truncate(position)
    else this.write(bytes, position)
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.byteLength
    if (end > this.bytes.byteLength) {
      const grown = new Uint8Array(Math.max(end, this.bytes.byteLength * 2))
      grown.set(this.bytes.subarray(0, this.size))
      this.bytes = grown
    }
    this.bytes.set(bytes, position)
    this.size = Math.max(this.size, end)
  }

  truncate(size: number): void {
    if (size > this.size) return this.write(new Uint8Array(size - this.size), this.size)
    this.bytes.fill(0, size, this.size)
    this.size = size
  }

  copy(): Content {
    const copy = new Content()
    copy.write(this.bytes.subarray(0, this.size), 0)
    return copy
  }
}
