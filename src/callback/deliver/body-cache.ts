/**
 * Bodies that are the same for all who get an event, made once: to decode, check and write it anew for each endpoint costs the more the
 * larger it is. Bounded; what is asked for again after it was let go is made again.
 */
import type { EventAttributes } from '../../core/message.ts'
import { SHARED_BODIES, type Delivered, type MadeBody, type MakeBody } from '../profile/body.ts'

const MOST = 256
const MOST_BYTES = 4 << 20

interface Kept {
  readonly make: MakeBody
  readonly event: EventAttributes
  readonly content: Uint8Array
  readonly sentAt: number
  readonly made: MadeBody
  readonly sizeBytes: number
}

export class BodyCache {
  readonly #kept = new Map<string, Kept>()
  #sizeBytes = 0

  make(make: MakeBody, delivered: Delivered): MadeBody {
    const { event, body: content, sentAt, payload } = delivered
    if (payload === 'thin' || !SHARED_BODIES.has(make)) return make(delivered)
    const known = this.#kept.get(event.id)
    // What an event is called says nothing: two may have one id.
    if (known !== undefined && known.make === make && known.sentAt === sentAt && isSame(known, event, content))
      return known.made
    const { bytes, contentType } = make(delivered)
    const made = { bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes, contentType }
    this.#keep(event.id, { make, event, content, sentAt, made, sizeBytes: content.byteLength + made.bytes.byteLength })
    return made
  }

  #keep(id: string, kept: Kept): void {
    this.#drop(id)
    this.#kept.set(id, kept)
    this.#sizeBytes += kept.sizeBytes
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST && this.#sizeBytes <= MOST_BYTES) return
      this.#drop(oldest)
    }
  }

  #drop(id: string): void {
    this.#sizeBytes -= this.#kept.get(id)?.sizeBytes ?? 0
    this.#kept.delete(id)
  }
}

function isSame({ event: known, content: bytes }: Kept, event: EventAttributes, content: Uint8Array): boolean {
  if (bytes !== content && Buffer.compare(bytes, content) !== 0) return false
  if (known === event) return true
  let more = 0
  for (const name in event) {
    if (event[name] !== known[name]) return false
    more++
  }
  for (const _ in known) more--
  return more === 0
}
