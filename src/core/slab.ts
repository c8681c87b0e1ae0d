/** Memory that small values share, because memory of their own costs more than their bytes. */
import { markAsUntransferable } from 'node:worker_threads'

/** Whoever has a value of it cannot give the memory away to a thread, which would take the bytes of all the others: he is told, and may copy. */
export function makeSlab(bytes: number): ArrayBuffer {
  const slab = new ArrayBuffer(bytes)
  markAsUntransferable(slab)
  return slab
}
