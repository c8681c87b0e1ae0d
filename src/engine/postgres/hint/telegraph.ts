/**
 * Tells the other processes on a schema what has changed, after it is durable, so that they need not look. Where there are none, nobody is
 * told; and only those who listen to the channel of what it is about are woken. The first after a silence goes at once; what comes while one is on
 * its way goes together; and however much happens, all processes together tell no more than a bounded number a second. It is hints only: what is
 * lost is found by looking.
 */
import type { Clock } from '../../../core/clock.ts'
import { channelOf, GREETINGS } from './channel.ts'
import type { Notice } from './hint.ts'
import type { Home } from '../connection/home.ts'

/** All processes together tell so many a second at most. */
const RATE = 600
/** So many at once after a silence. */
const BURST = 50
/** What has to wait waits so long. */
const SPACING_MS = 10
/** Of so many processes one has no server to itself. */
const CROWD = 3
/** Of one channel. The server takes less than 8,000 bytes. */
const MOST_CHARACTERS = 2_000

export interface Told {
  readonly notices: readonly Notice[]
  /** There is more of the channel than fits: whoever watches something of it looks for himself. */
  readonly isMore: boolean
}

export class Telegraph {
  readonly #home: Home
  readonly #clock: Clock
  #pending = new Map<string, Notice>()
  /** Processes that live, this one included. */
  #processes = 1
  #left = BURST
  #filledAtMs = 0
  #isBusy = false
  #timer: Disposable | null = null

  constructor(home: Home, clock: Clock) {
    this.#home = home
    this.#clock = clock
  }

  /** How many processes there are. */
  count(processes: number): void {
    this.#processes = processes
    if (processes < 2) this.#pending.clear()
  }

  /** There is another. */
  meet(): void {
    this.#processes = Math.max(this.#processes, 2)
  }

  /** Lets the others know that there is one more to be told. */
  async greet(): Promise<void> {
    if (this.#home.isListening) await this.#home.tell(new Map([[GREETINGS, encode([])]]))
  }

  get isCrowd(): boolean {
    return this.#processes >= CROWD
  }

  /** There is somebody to tell. */
  get isHeard(): boolean {
    return this.#processes > 1 && this.#home.isListening
  }

  tell(notices: readonly Notice[]): void {
    if (!this.isHeard) return
    for (const notice of notices) this.#pending.set(nameOf(notice), notice)
    if (!this.#isBusy && this.#timer === null) void this.#send()
  }

  close(): void {
    this.#timer?.[Symbol.dispose]()
    this.#pending.clear()
  }

  async #send(): Promise<void> {
    if (!this.#mayTell()) {
      this.#timer = this.#clock.timer(SPACING_MS, () => {
        this.#timer = null
        void this.#send()
      })
      return
    }
    const texts = new Map<string, string>()
    for (const [channel, notices] of Map.groupBy(this.#pending.values(), channelOf)) texts.set(channel, encode(notices))
    this.#pending.clear()
    this.#isBusy = true
    // Whoever was to be told looks for himself before long.
    await this.#home.tell(texts).catch(() => {})
    this.#isBusy = false
    if (this.#pending.size > 0) void this.#send()
  }

  #mayTell(): boolean {
    const nowMs = this.#clock.monotonicMs()
    const earned = ((nowMs - this.#filledAtMs) / 1_000) * (RATE / this.#processes)
    this.#left = Math.min(BURST, this.#left + earned)
    this.#filledAtMs = nowMs
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}

/** Queues before what was cancelled in them: of those there are few. */
function encode(notices: readonly Notice[]): string {
  const order = (notice: Notice): number => ('cancel' in notice ? 1 : 0)
  const sorted = notices.toSorted((one, other) => order(one) - order(other))
  const told: Notice[] = []
  let characters = 0
  for (const notice of sorted) {
    characters += JSON.stringify(notice).length
    if (characters > MOST_CHARACTERS) break
    told.push(notice)
  }
  return JSON.stringify({ notices: told, isMore: told.length < notices.length } satisfies Told)
}

/** What another process told; null where it is of a version that says it otherwise. */
export function decode(text: string): Told | null {
  try {
    const told = JSON.parse(text) as Partial<Told> | null
    return Array.isArray(told?.notices) ? { notices: told.notices, isMore: told.isMore === true } : null
  } catch {
    return null
  }
}

function nameOf(notice: Notice): string {
  if ('queue' in notice) return `queue ${notice.queue}`
  if ('key' in notice) return `key ${notice.key}`
  return 'topic' in notice ? `topic ${notice.topic}` : `cancel ${notice.cancel}`
}
