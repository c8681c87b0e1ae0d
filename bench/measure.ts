/** What every benchmark prints: percentiles in milliseconds and rounded figures. */

export interface Percentiles {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export function percentiles(times: readonly number[] | Float64Array): Percentiles & Record<string, number> {
  const sorted = Float64Array.from(times).sort()
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN)
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

export const round = (value: number): number => Math.round(value * 1000) / 1000

const CHUNK = 65_536

/** Numbers as they come, without the pauses of an array that is copied when it grows. */
export class Samples {
  readonly #chunks: Float64Array[] = []
  #length = 0

  push(value: number): void {
    const at = this.#length++ % CHUNK
    if (at === 0) this.#chunks.push(new Float64Array(CHUNK))
    this.#chunks.at(-1)![at] = value
  }

  at(index: number): number {
    return this.#chunks[Math.floor(index / CHUNK)]?.[index % CHUNK] ?? Number.NaN
  }

  all(): Float64Array {
    const all = new Float64Array(this.#length)
    for (const [i, chunk] of this.#chunks.entries())
      all.set(chunk.subarray(0, Math.min(CHUNK, this.#length - i * CHUNK)), i * CHUNK)
    return all
  }
}
