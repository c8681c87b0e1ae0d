/**
 * A chunk of slots as bytes: how many rows, which of the late columns it has, each stored column cut to the rows, then the small maps as JSON.
 */
import { fromJsonBytes, toJsonBytes } from '../../../core/json.ts'
import { ARRIVED, READY } from '../entries.ts'
import {
  CHUNK_SHIFT,
  CHUNK_SLOTS,
  LATE_COLUMNS,
  type Chunk,
  type HistoryItem,
  type LateColumn,
  type Slots,
} from '../state/slots.ts'

type Pairs<Value> = readonly (readonly [number, Value])[]

interface Sparse {
  readonly expires: Pairs<number>
  readonly reason: Pairs<number>
  readonly about: Pairs<number>
  readonly history: Pairs<HistoryItem[]>
}

/** Rows, then a bit for each late column that follows. */
const HEAD_BYTES = 8

export function copyChunk(slots: Slots, number: number): Uint8Array | null {
  const chunk = slots.chunks[number]
  if (chunk === undefined) return null
  const rows = Math.min(CHUNK_SLOTS, slots.high + 1 - (number << CHUNK_SHIFT))
  const late = LATE_COLUMNS.filter((name) => chunk.has(name))
  const columns = [...chunk.stored(), ...late.map((name) => chunk.own(name))]
  const sparse = toJsonBytes({
    expires: pairs(chunk.expires),
    reason: pairs(chunk.reason),
    about: pairs(chunk.about),
    history: pairs(chunk.history),
  } satisfies Sparse)
  const bytes = new Uint8Array(
    HEAD_BYTES + columns.reduce((sum, column) => sum + rows * column.BYTES_PER_ELEMENT, 0) + sparse.byteLength,
  )
  const view = new DataView(bytes.buffer)
  view.setUint32(0, rows, true)
  view.setUint32(4, bitsOf(late), true)
  let at = HEAD_BYTES
  for (const column of columns) {
    bytes.set(bytesOf(column, rows), at)
    if (column === chunk.state) settleStates(bytes.subarray(at, at + rows))
    at += rows * column.BYTES_PER_ELEMENT
  }
  bytes.set(sparse, at)
  return bytes
}

/** @throws RangeError or SyntaxError where the bytes are too few or wrong */
export function loadChunk(slots: Slots, number: number, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rows = view.getUint32(0, true)
  const bits = view.getUint32(4, true)
  if (rows === 0 || rows > CHUNK_SLOTS) throw new RangeError(`a chunk of ${rows} rows`)
  slots.reach((number << CHUNK_SHIFT) + rows - 1)
  const chunk = slots.chunks[number]!
  let at = HEAD_BYTES
  const late = LATE_COLUMNS.filter((_, at) => (bits & (1 << at)) !== 0)
  for (const column of [...chunk.stored(), ...late.map((name) => chunk.own(name))]) {
    const length = rows * column.BYTES_PER_ELEMENT
    if (at + length > bytes.byteLength) throw new RangeError('the chunk is cut short')
    bytesOf(column, rows).set(bytes.subarray(at, at + length))
    at += length
  }
  loadSparse(chunk, fromJsonBytes(bytes.subarray(at)) as Sparse)
}

/** What has arrived is stored as ready: once its frame is durable, that is what it is. Its `due` has no meaning then. */
function settleStates(states: Uint8Array): void {
  for (let row = 0; row < states.length; row++) if (states[row] === ARRIVED) states[row] = READY
}

function loadSparse(chunk: Chunk, { expires, reason, about, history }: Sparse): void {
  if (expires.length > 0) chunk.expires = new Map(expires)
  if (reason.length > 0) chunk.reason = new Map(reason)
  if (about.length > 0) chunk.about = new Map(about)
  if (history.length > 0) chunk.history = new Map(history)
}

function bitsOf(late: readonly LateColumn[]): number {
  return LATE_COLUMNS.reduce((bits, name, at) => (late.includes(name) ? bits | (1 << at) : bits), 0)
}

function pairs<Value>(map: Map<number, Value> | null): Pairs<Value> {
  return map === null ? [] : [...map]
}

function bytesOf(column: Float64Array | Uint32Array | Uint8Array, rows: number): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, rows * column.BYTES_PER_ELEMENT)
}
