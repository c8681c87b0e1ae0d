/**
 * The short way for calls of nothing but plain sends: messages that are ready at once, in queues that are known and far from full. One
 * statement, no lock. Whatever does not fit takes the long way, which also finds out what this one has to know.
 */
import type { Commit, CommitResult } from '../../../core/engine.ts'
import { faultOfMessage, type Message } from '../../../core/message.ts'
import type { Answer, Connection } from '../connection/driver.ts'
import { columnsOfSends, type Sending } from './send-columns.ts'
import { isSent, type SendOut, type SendOuts } from '../lease/send-outs.ts'
import { askAlone } from '../session/transact.ts'
import { outcomeOf, type Outcome, type ShortWayParts } from './short-way.ts'

/** Messages of one call: as many as a draw of numbers has. */
export const MOST_SENDS = 4_000
/** So many bytes of a body weigh as much as a message. */
const BYTES = 4_096

export interface SendCall {
  readonly sendings: readonly Sending[]
  readonly commits: readonly Commit[]
  readonly weight: number
  /** How often queues had been forgotten when it was read. */
  readonly clears: number
}

export class PlainSends {
  readonly #parts: ShortWayParts
  readonly #outs: SendOuts

  constructor(parts: ShortWayParts, outs: SendOuts) {
    this.#parts = parts
    this.#outs = outs
  }

  /** null where the long way must be taken. */
  read(commits: readonly Commit[]): SendCall | null {
    const messages = new Map<string, Message[]>()
    let count = 0
    for (const { id, durability, changes } of commits) {
      const isOdd = id !== undefined || (durability !== undefined && durability !== 'os' && durability !== 'disk')
      if (isOdd || !Array.isArray(changes) || changes.length === 0 || (count += changes.length) > MOST_SENDS)
        return null
      for (const change of changes) {
        if (change?.do !== 'send' || !this.#isPlain(change.message)) return null
        const others = messages.get(change.queue)
        if (others === undefined) messages.set(change.queue, [change.message])
        else others.push(change.message)
      }
    }
    const sendings: Sending[] = []
    let weight = count
    for (const [name, some] of messages) {
      const queue = this.#parts.queues.take(name, some.length)
      if (queue === null) return null
      let bytes = 0
      for (const { body } of some) {
        bytes += body.byteLength
        weight += Math.floor(body.byteLength / BYTES)
      }
      sendings.push({ queue, messages: some, bytes })
    }
    return { sendings, commits, weight, clears: this.#parts.queues.clears }
  }

  /** All calls or none. */
  async send(connection: Connection, calls: readonly SendCall[]): Promise<Outcome> {
    const { folds, queues, transactor } = this.#parts
    if (calls.some(({ clears }) => clears !== queues.clears)) return { isDone: false, isSound: true }
    const sendings = calls.flatMap((call) => call.sendings)
    if (isTornBetween(sendings)) return { isDone: false, isSound: true }
    const fold = folds.next()
    const out = this.#outs.begin(sendings)
    let answer: Answer | null = null
    const ask = async (): Promise<unknown> => {
      answer = await this.#ask(connection, [this.#parts.moment().now, fold, ...columnsOfSends(sendings)], out)
      return out === null ? answer.rows[0]!.count : Number(isSent(answer))
    }
    let outcome: Outcome | null = null
    try {
      outcome = await outcomeOf(transactor, connection, fold, ask())
      return outcome
    } finally {
      this.#over(sendings, out, outcome, answer)
    }
  }

  /** @param outcome null: nobody knows whether it happened */
  #over(sendings: readonly Sending[], out: SendOut | null, outcome: Outcome | null, answer: Answer | null): void {
    const { queues, hint } = this.#parts
    const named = new Set(sendings.map(({ queue }) => queue))
    const isKnown = outcome?.isDone === true && answer !== null
    if (out !== null && !isKnown) this.#outs.abandon(out, outcome === null ? null : outcome.isDone)
    const left = out !== null && isKnown ? this.#outs.land(out, answer, sendings) : named
    if (outcome?.isDone === true) hint([...left].map(({ name }) => ({ queue: name })))
    // A queue may be no more as it was known.
    else for (const queue of named) queues.forget(queue)
  }

  #ask(connection: Connection, values: readonly unknown[], out: SendOut | null): Promise<Answer> {
    const { statements } = this.#parts
    return out === null
      ? askAlone(connection, statements, 'send', values)
      : askAlone(connection, statements, 'send-out', [...values, ...this.#outs.columns(out)])
  }

  /** Ready as soon as it is there, and beside all others. */
  #isPlain(message: Message): boolean {
    if (typeof message !== 'object' || message === null) return false
    const { key, delay, expires, dedupe } = message
    const isAlone = key === undefined && delay === undefined && expires === undefined && dedupe === undefined
    return isAlone && faultOfMessage(message, this.#parts.limits.bodyBytes) === null
  }
}

/** Whether a queue was forgotten and learnt anew between two of the calls: it is in two forms, and each would count for itself. */
function isTornBetween(sendings: readonly Sending[]): boolean {
  const forms = new Set(sendings.map(({ queue }) => queue))
  return new Set([...forms].map(({ number }) => number)).size < forms.size
}

export function resultsOfSends({ commits }: SendCall): readonly CommitResult[] {
  return commits.map(({ changes }) => ({
    status: 'committed',
    durability: 'disk',
    replayed: false,
    results: changes.map((change) => ({ id: (change as { message: Message }).message.id, duplicate: false })),
  }))
}
