/** The numbers of one queue, found once for it and not with every message. What nothing was counted of is not shown. */
import type { Histogram } from '../core/histogram.ts'
import { Counter, Distribution, type Count, type Labels } from './family.ts'

export interface QueueFamilies {
  readonly sent: Counter
  readonly duplicates: Counter
  readonly ended: Counter
  readonly send: Distribution
  readonly receive: Distribution
  readonly process: Distribution
}

export function createQueueFamilies(): QueueFamilies {
  return {
    sent: new Counter('posthorn_sent_total', 'Messages sent by this process.'),
    duplicates: new Counter(
      'posthorn_duplicates_total',
      'Sends that changed nothing, because the message was there already.',
    ),
    ended: new Counter('posthorn_runs_total', 'Runs by their outcome, in this process or by clients over HTTP.'),
    send: new Distribution('posthorn_send_seconds', 'From the call of a send until it is durable.'),
    receive: new Distribution(
      'posthorn_receive_seconds',
      'From the time a message is ready until its handler starts or a client has it.',
    ),
    process: new Distribution(
      'posthorn_process_seconds',
      'The handler, or from a lease over HTTP until it is settled.',
    ),
  }
}

export class QueueNumbers {
  readonly labels: Labels
  readonly #families: QueueFamilies
  readonly #ended = new Map<string, Count>()
  #sent: Count | null = null
  #duplicates: Count | null = null
  #send: Histogram | null = null
  #receive: Histogram | null = null
  #process: Histogram | null = null

  constructor(families: QueueFamilies, queue: string) {
    this.labels = { queue }
    this.#families = families
  }

  get sent(): Count {
    return (this.#sent ??= this.#families.sent.at(this.labels))
  }

  get duplicates(): Count {
    return (this.#duplicates ??= this.#families.duplicates.at(this.labels))
  }

  get send(): Histogram {
    return (this.#send ??= this.#families.send.at(this.labels))
  }

  get receive(): Histogram {
    return (this.#receive ??= this.#families.receive.at(this.labels))
  }

  get process(): Histogram {
    return (this.#process ??= this.#families.process.at(this.labels))
  }

  ended(outcome: string): Count {
    let count = this.#ended.get(outcome)
    if (count === undefined) this.#ended.set(outcome, (count = this.#families.ended.at({ ...this.labels, outcome })))
    return count
  }
}
