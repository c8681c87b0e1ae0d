// What was asked of an engine, and what must be seen after a crash: all of a commit that was confirmed, all or nothing of one that was
// not answered, nothing of one that was refused. Every commit leaves a mark of its own, so that it is known which of them are there.

import type { Change } from '../../src/core/engine.ts'
import type { Message } from '../../src/core/message.ts'

export const QUEUES = ['a', 'b'] as const
export const TOPIC = 't'
export const SUBSCRIPTIONS = ['topic:t:every', 'topic:t:some'] as const
export const MARK = 'commit/'

export interface Sent {
  readonly queue: string
  readonly id: string
  readonly bytes: number
  /** Of a published event: its type. */
  readonly type?: string
}

export interface Outcome {
  readonly do: 'ack' | 'bury' | 'retry' | 'release'
  readonly queue: string
  readonly id: string
  readonly token: string
}

/** The effects of one commit. */
export interface Step {
  readonly n: number
  readonly sends: readonly Sent[]
  readonly publishes: readonly Sent[]
  readonly outcomes: readonly Outcome[]
  readonly puts: readonly { readonly key: string; readonly bytes: number }[]
  readonly removes: readonly string[]
}

/** pending: not answered yet · unknown: the crash came first · there, gone: what was found of an unknown one. */
export type Answer = 'pending' | 'confirmed' | 'refused' | 'unknown' | 'there' | 'gone'

export interface Expected {
  /** By queue and id. */
  readonly messages: ReadonlyMap<string, Sent & { readonly state: 'live' | 'dead' | 'acked' }>
  /** Ids, in order. */
  readonly events: readonly Sent[]
  readonly records: ReadonlyMap<string, Uint8Array>
}

export class History {
  readonly steps: { readonly step: Step; answer: Answer }[] = []

  begin(step: Step): void {
    this.steps.push({ step, answer: 'pending' })
  }

  end(n: number, answer: Answer): void {
    this.steps[n - 1]!.answer = answer
  }

  get confirmed(): number {
    return this.steps.filter(({ answer }) => answer === 'confirmed' || answer === 'there').length
  }

  /** The crash: nobody who waits is answered any more. */
  crash(): void {
    for (const each of this.steps) if (each.answer === 'pending') each.answer = 'unknown'
  }

  /**
   * Learns from the marks that were found what became of the commits without an answer.
   * @param isDurable confirmed commits must be there @throws Error where one is not, where a refused one is, or where one is there that was
   * decided after one that is not: the log is one line
   */
  settle(marks: ReadonlySet<number>, isDurable: boolean): void {
    const last = Math.max(0, ...marks)
    if (last > this.steps.length) throw new Error(`commit ${last} is there, and nobody made it`)
    for (const each of this.steps) {
      const { answer, step } = each
      const isThere = marks.has(step.n)
      const wasTaken = answer === 'confirmed' || (answer === 'unknown' && step.outcomes.length === 0)
      if (wasTaken && !isThere && step.n < last)
        throw new Error(`commit ${step.n} is gone, and commit ${last}, which came later, is there`)
      if (answer === 'unknown') each.answer = isThere ? 'there' : 'gone'
      else if (isThere && (answer === 'refused' || answer === 'gone'))
        throw new Error(`commit ${step.n} was ${answer} and is there`)
      else if (!isThere && (answer === 'confirmed' || answer === 'there')) {
        if (isDurable) throw new Error(`commit ${step.n} was confirmed and is gone`)
        each.answer = 'gone'
      }
    }
  }

  expected(): Expected {
    const messages = new Map<string, Sent & { state: 'live' | 'dead' | 'acked' }>()
    const records = new Map<string, Uint8Array>()
    const events: Sent[] = []
    for (const { step, answer } of this.steps) {
      if (answer !== 'confirmed' && answer !== 'there') continue
      for (const sent of step.sends) messages.set(`${sent.queue} ${sent.id}`, { ...sent, state: 'live' })
      for (const sent of step.publishes) {
        events.push(sent)
        for (const queue of SUBSCRIPTIONS)
          if (queue === SUBSCRIPTIONS[0] || sent.type === 'some')
            messages.set(`${queue} ${sent.id}`, { ...sent, queue, state: 'live' })
      }
      for (const { do: kind, queue, id } of step.outcomes) {
        const message = messages.get(`${queue} ${id}`)
        if (message === undefined) throw new Error(`commit ${step.n} settled ${id} of ${queue}, which nobody sent`)
        message.state = kind === 'ack' ? 'acked' : kind === 'bury' ? 'dead' : 'live'
      }
      for (const key of step.removes) records.delete(key)
      for (const { key, bytes } of step.puts) records.set(key, bytesOf(`${key} ${step.n}`, bytes))
      records.set(`${MARK}${step.n}`, bytesOf(String(step.n), 0))
    }
    return { messages, events, records }
  }
}

/** Content that says whose it is, so that a wrong one is never taken for it. */
export function bytesOf(owner: string, bytes: number): Uint8Array {
  const unit = `${owner} `
  return new TextEncoder().encode(unit.repeat(Math.max(1, Math.ceil(bytes / unit.length))))
}

export function changesOf(step: Step): readonly Change[] {
  return [
    ...step.outcomes.map(({ do: kind, token }): Change => {
      if (kind === 'ack') return { do: 'ack', token }
      if (kind === 'release') return { do: 'release', token, delay: { afterMs: 0 } }
      const error = { code: 'oops', message: `it failed in commit ${step.n}` }
      return kind === 'bury' ? { do: 'bury', token, error } : { do: 'retry', token, delay: { afterMs: 5 }, error }
    }),
    ...step.removes.map((key): Change => ({ do: 'remove', key })),
    ...step.puts.map(({ key, bytes }): Change => ({ do: 'put', key, value: bytesOf(`${key} ${step.n}`, bytes) })),
    ...step.sends.map((sent): Change => ({ do: 'send', queue: sent.queue, message: messageOf(sent) })),
    ...step.publishes.map((sent): Change => ({ do: 'publish', topic: TOPIC, message: messageOf(sent) })),
    { do: 'put', key: `${MARK}${step.n}`, value: bytesOf(String(step.n), 0) },
  ]
}

/** Its attributes follow from its id, so that they need not be kept to be checked. */
export function messageOf({ id, bytes, type = 'sent' }: Sent): Message {
  const dice = Number.parseInt(id.slice(-6), 16)
  return {
    id,
    event: { id, source: '/torture', type, ...(dice % 3 === 0 ? { subject: `subject ${id}`, extra: dice } : {}) },
    body: bytesOf(id, bytes),
    priority: dice % 10,
    ...(dice % 4 === 0 ? { key: `key ${dice % 3}` } : {}),
    ...(dice % 5 === 0 ? { delay: { afterMs: dice % 40 } } : {}),
    ...(dice % 7 === 0 ? { group: `group ${dice % 4}` } : {}),
  }
}
