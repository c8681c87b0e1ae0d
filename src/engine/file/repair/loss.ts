/** What a repair could not bring over, each with all that is known of it. */

export interface Loss {
  /** Bytes of files that are not what they were, and what that cost. */
  readonly ranges: DamagedRange[]
  /** Frames of the log that are gone, each a group of commits; between them somebody was told of success. */
  readonly frames: LostFrames[]
  readonly messages: { readonly queue: string | null; readonly id: string; readonly why: string }[]
  readonly records: { readonly key: string; readonly why: string }[]
  readonly events: { readonly topic: string; readonly position: string }[]
  readonly subscriptions: { readonly topic: string; readonly name: string }[]
  /** Decisions that made no sense without others that are gone. */
  decisions: number
}

export interface DamagedRange {
  readonly file: string
  readonly from: number
  readonly until: number
  readonly what: string
}

export interface LostFrames {
  readonly first: number
  /** null: nobody knows how many. */
  readonly last: number | null
  /** Between these wall times (RFC 3339), as far as the frames around them tell. */
  readonly after: string | null
  readonly before: string | null
}

export const noLoss = (): Loss => ({
  ranges: [],
  frames: [],
  messages: [],
  records: [],
  events: [],
  subscriptions: [],
  decisions: 0,
})

export function isWhole({ ranges, frames, messages, records, events, subscriptions, decisions }: Loss): boolean {
  return (
    [ranges, frames, messages, records, events, subscriptions].every((list) => list.length === 0) && decisions === 0
  )
}
