/** The answers of the HTTP API (docs/reference/http.md) as far as the commands read them. */

export interface QueueView {
  readonly queue: string
  readonly arrived: number
  readonly ready: number
  readonly delayed: number
  readonly held: number
  readonly leased: number
  readonly dead: number
  readonly ended: Readonly<Record<'acked' | 'expired' | 'cancelled' | 'discarded', number>>
  /** RFC 3339. */
  readonly oldestReadyAt: string | null
  readonly paused: boolean
}

export interface FailureView {
  readonly code: string
  readonly message: string
  readonly stack?: string | undefined
  readonly at: string
}

export interface MessageView {
  readonly id: string
  readonly queue: string
  readonly state: string
  readonly event: Readonly<Record<string, unknown>>
  readonly acquired: number
  readonly failed: number
  readonly released: number
  readonly sentAt: string
  readonly readyAt?: string | null | undefined
  readonly endedAt?: string | null | undefined
  readonly reason?: string | null | undefined
  readonly failures: readonly FailureView[]
}

export interface PageView<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface HappeningView {
  /** RFC 3339. */
  readonly at: string
  readonly what: string
  readonly queue: string
  readonly id: string
  readonly type: string
  readonly key: string | null
  readonly group: string | null
  readonly sentAt: string
  readonly acquired: number
  readonly failed: number
  readonly reason: string | null
}

export interface TrailView {
  readonly items: readonly HappeningView[]
  readonly next: string
  readonly missed: number | null
}
