/** The store of `memory:`: contents stay the objects they came as, nothing is written, and all that is decided counts at once. */
import type { Message } from '../../core/message.ts'
import type { Blocks, Store } from '../ledger/store.ts'

export class MemoryStore implements Store {
  readonly engine = 'memory'
  readonly durability = ['memory'] as const
  readonly entries = null
  readonly blocks: Blocks = new MemoryBlocks()
  readonly frame = 0

  reached(): number {
    return 0
  }

  attach(): void {}

  sync(): void {}

  write(): void {}

  refusal(): null {
    return null
  }

  abandon(): void {}

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class MemoryBlocks implements Blocks {
  readonly #contents: (Message | Uint8Array | null)[] = [null]
  readonly #free: number[] = []

  addMessage(message: Message): number {
    const body = ownBytes(message.body)
    return this.#add(body === message.body ? message : { ...message, body })
  }

  addBytes(bytes: Uint8Array): number {
    return this.#add(ownBytes(bytes))
  }

  readMessage(block: number): Message {
    return this.#contents[block] as Message
  }

  readBytes(block: number): Uint8Array {
    return this.#contents[block] as Uint8Array
  }

  release(block: number): void {
    this.#contents[block] = null
    this.#free.push(block)
  }

  keepOnly(): void {}

  #add(content: Message | Uint8Array): number {
    const block = this.#free.pop()
    if (block === undefined) return this.#contents.push(content) - 1
    this.#contents[block] = content
    return block
  }
}

/** A few bytes of a larger piece of memory would keep all of it for as long as they are kept. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength <= 2 * bytes.byteLength ? bytes : new Uint8Array(bytes)
}
