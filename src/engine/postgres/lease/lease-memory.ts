/**
 * What the last requests for messages were given, so that one that is repeated gets what of it still stands. Kept as tokens in one text each, and
 * no more of them than are worth it: the messages themselves would keep all that was handed out lately in memory.
 */
import type { LeaseResult, Token } from '../../../core/engine.ts'

export interface Given {
  readonly tokens: readonly Token[]
  /** By token: of which queue it is. */
  readonly queueOf: (token: Token) => string
  readonly nextReadyInMs: number | null
}

/** As many messages as so many to each request. */
const EACH = 64
const BETWEEN = ' '

interface Kept {
  /** Of each queue, in order. */
  readonly runs: readonly { readonly queue: string; readonly tokens: string }[]
  readonly count: number
  readonly nextReadyInMs: number | null
}

export class LeaseMemory {
  readonly #most: number
  readonly #mostMessages: number
  readonly #underWay = new Map<string, Promise<LeaseResult>>()
  readonly #kept = new Map<string, Kept>()
  #count = 0

  /** @param most requests */
  constructor(most: number, mostMessages: number = EACH * most) {
    this.#most = most
    this.#mostMessages = mostMessages
  }

  /** It was answered, or is under way. */
  knows(id: string): boolean {
    return this.#underWay.has(id) || this.#kept.has(id)
  }

  /** Of one that is under way waits for the answer, and rejects with it. null where nothing was given, or it is long ago. */
  async recall(id: string): Promise<Given | null> {
    await this.#underWay.get(id)
    const kept = this.#kept.get(id)
    if (kept === undefined) return null
    const queues = new Map(kept.runs.flatMap(({ queue, tokens }) => tokens.split(BETWEEN).map((each) => [each, queue])))
    return {
      tokens: [...queues.keys()],
      queueOf: (token) => queues.get(token)!,
      nextReadyInMs: kept.nextReadyInMs,
    }
  }

  /** The same, as soon as it is answered. */
  async remember(id: string, asked: Promise<LeaseResult>): Promise<LeaseResult> {
    this.#underWay.set(id, asked)
    try {
      const result = await asked
      this.forget(id)
      this.#keep(id, result)
      return result
    } finally {
      if (this.#underWay.get(id) === asked) this.#underWay.delete(id)
    }
  }

  forget(id: string): void {
    this.#count -= this.#kept.get(id)?.count ?? 0
    this.#kept.delete(id)
  }

  #keep(id: string, { deliveries, nextReadyInMs }: LeaseResult): void {
    if (deliveries.length === 0) return
    const runs: { queue: string; tokens: string }[] = []
    for (let from = 0; from < deliveries.length;) {
      const { queue } = deliveries[from]!.stored
      const tokens: Token[] = []
      while (from < deliveries.length && deliveries[from]!.stored.queue === queue)
        tokens.push(deliveries[from++]!.token)
      runs.push({ queue, tokens: tokens.join(BETWEEN) })
    }
    this.#kept.set(id, { runs, count: deliveries.length, nextReadyInMs })
    this.#count += deliveries.length
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#most && this.#count <= this.#mostMessages) return
      this.forget(oldest)
    }
  }
}
