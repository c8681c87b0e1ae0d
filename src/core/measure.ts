/** What a part tells of itself in numbers, for `/metrics` and for programs. Names and units are those of Prometheus. */

/** How the values of something that happens again and again are spread. */
export interface Spread {
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  /** The value that the share `q` (0 to 1) of all does not exceed; 0 where nothing was counted. */
  quantile(q: number): number
  /** How many did not exceed `value`. */
  countUpTo(value: number): number
}

interface Named {
  /** `posthorn_log_segments`: without its labels. */
  readonly name: string
  /** A sentence for people. */
  readonly help: string
  readonly labels?: Readonly<Record<string, string>> | undefined
}

export type Measure = Named &
  (
    | { readonly kind: 'counter' | 'gauge'; readonly value: number }
    /** `per`: so many units of `values` are one of the measure (1,000 where values are ms and the measure is in seconds). */
    | {
        readonly kind: 'histogram'
        readonly values: Spread
        readonly per: number
        /** Upper bounds of the buckets shown, in units of the measure. */
        readonly bounds: readonly number[]
      }
  )
