/** What a source tells, as its listeners are given it. */
export interface SourceEvent {
  /** The sender's own where there is a sender; else a new UUIDv7. */
  readonly id: string
  readonly type: string
  /** RFC 3339. */
  readonly time: string
  readonly subject?: string | undefined
  /** As handlers get it. */
  readonly data: unknown
  /** As topics take it. */
  readonly wire: unknown
  readonly key?: string | undefined
}
