/**
 * Delivers to one endpoint: a run, or a batch of them, is one signed call. What comes back becomes the message's end, another attempt or a wait, and the
 * attempt's record is settled with it in one commit.
 */
import { describeError, isPosthornError } from '../../core/error.ts'
import type { StoredMessage } from '../../core/message.ts'
import type { Run } from '../../delivery/binding.ts'
import { snooze, type Outcome } from '../../delivery/outcome.ts'
import { call, EXCERPT_BYTES, type Answered, type Caller, type Exchange } from '../call/exchange.ts'
import { faultOfAck } from '../profile/ack.ts'
import { withoutSecrets } from '../secret/secret.ts'
import type { Pen } from '../sign/pen.ts'
import { isSealedSuccess } from '../sign/sealed-answer.ts'
import { answerQueue, answers } from './answer.ts'
import type { EndpointGate } from './gate.ts'
import { delivered, judge, later, type Judgement } from './judgement.ts'
import { requestOf } from './request.ts'
import type { CourierDeps, Round } from './round.ts'

/** Until an endpoint whose secrets could not be read is looked at again. */
const NO_PEN_MS = 10_000

export function deliverTo(deps: CourierDeps, round: Round, run: Run): Promise<Outcome> {
  return new Promise((resolve, reject) =>
    new Delivering(deps, round, [run], ([outcome]) => resolve(outcome!), reject).begin(),
  )
}

/** One call; its answer is that of each of the events. */
export function deliverTogether(deps: CourierDeps, round: Round, runs: readonly Run[]): Promise<readonly Outcome[]> {
  return new Promise((resolve, reject) => new Delivering(deps, round, runs, resolve, reject).begin())
}

/** One call from its beginning to what it comes to. Thousands of these run each second: nothing is waited for but the receiver. */
class Delivering implements Caller {
  readonly #deps: CourierDeps
  readonly #round: Round
  readonly #runs: readonly Run[]
  readonly #resolve: (outcomes: readonly Outcome[]) => void
  readonly #reject: (error: unknown) => void
  /** Wall time of its beginning. */
  readonly #at: number
  readonly #startedMs: number
  #pen: Pen | null = null
  /** That was called: it may move meanwhile. */
  #url = ''
  #isOver = false

  constructor(
    deps: CourierDeps,
    round: Round,
    runs: readonly Run[],
    resolve: (outcomes: readonly Outcome[]) => void,
    reject: (error: unknown) => void,
  ) {
    this.#deps = deps
    this.#round = round
    this.#runs = runs
    this.#resolve = resolve
    this.#reject = reject
    this.#at = deps.clock.wallMs()
    this.#startedMs = deps.clock.monotonicMs()
  }

  begin(): void {
    const pen = this.#round.pen(this.#at)
    if (!(pen instanceof Promise)) return this.#write(pen, this.#at)
    pen.then(
      (cut) => this.#write(cut, this.#deps.clock.wallMs()),
      () => this.#withoutPen(),
    )
  }

  answered(heard: Answered): void {
    const { ack } = this.#round.profile
    try {
      if (ack !== 'sealed') return this.#came(heard, faultOfAck(ack, heard))
      faultOfSealed(this.#round, this.#pen!, heard)
        .then((fault) => this.#came(heard, fault))
        .catch((error: unknown) => this.failed(error))
    } catch (error) {
      // Whose callback this is has no use for it.
      this.failed(error)
    }
  }

  failed(error: unknown): void {
    if (isPosthornError(error) && error.code === 'aborted') return this.#reject(error)
    const { message } = describeError(error)
    this.#end(null, (stored) => later(this.#deps, this.#round, stored, message, null, 'failed'))
  }

  #write(pen: Pen, at: number): void {
    this.#pen = pen
    this.#url = this.#round.endpoint.url
    try {
      this.#round.checkUrl()
      const request = requestOf(this.#deps, this.#round, this.#runs, pen, at)
      if (!(request instanceof Promise)) return this.#send(request)
      request.then((signed) => this.#send(signed)).catch((error: unknown) => this.failed(error))
    } catch (error) {
      this.failed(error)
    }
  }

  #send(request: Exchange): void {
    call(request, this.#deps, this)
  }

  #withoutPen(): void {
    // Nobody was called, and neither the event nor the receiver has a share in it: what is wrong is logged where it is found.
    this.#round.gate.pause(NO_PEN_MS)
    this.#resolve(this.#runs.map(() => snooze(0)))
  }

  #came(heard: Answered, fault: string | null): void {
    // What is written down, here and in the message's own history, is read by others than who knows the secrets.
    const told = heard.body === '' ? heard : { ...heard, body: withoutSecrets(heard.body, this.#pen!.secretTexts) }
    if (fault === null) return this.#end(told, delivered)
    const judging = told.status === 429 ? withOneDraw(this.#deps) : this.#deps
    this.#end(told, (stored) => judge(judging, this.#round, stored, told, fault))
  }

  #end(answered: Answered | null, judgeOne: (stored: StoredMessage) => Judgement): void {
    if (this.#isOver) return
    this.#isOver = true
    try {
      this.#resolve(this.#conclude(answered, judgeOne))
    } catch (error) {
      this.#reject(error)
    }
  }

  #conclude(answered: Answered | null, judgeOne: (stored: StoredMessage) => Judgement): readonly Outcome[] {
    const durationMs = this.#deps.clock.monotonicMs() - this.#startedMs
    const judged = this.#runs.map(({ delivery }) => judgeOne(delivery.stored))
    // The receiver answered once, however many events it was about.
    const { sign } = judged[0]!
    const turn = sign === null ? null : this.#round.gate.note(sign, durationMs)
    return judged.map((judgement, place) =>
      this.#record(this.#runs[place]!, answered, judgement, durationMs, place === 0 ? turn : null),
    )
  }

  /** What is written of one event, in the commit that settles it. */
  #record(
    run: Run,
    answered: Answered | null,
    { outcome, said, error, retryInMs }: Judgement,
    durationMs: number,
    turn: ReturnType<EndpointGate['note']>,
  ): Outcome {
    const { clock, ids, delays } = this.#deps
    const round = this.#round
    const { stored } = run.delivery
    const nowMs = clock.wallMs()
    const sincePublishMs = Math.max(0, nowMs - stored.sentAt)
    run.note(
      round.ring.put({
        id: ids.uuid(nowMs),
        message: stored.id,
        event: stored.message.event.id,
        type: stored.message.event.type,
        topic: round.topicOf(stored.queue),
        attempt: run.attempt,
        at: this.#at,
        durationMs: rounded(durationMs),
        sincePublishMs: rounded(sincePublishMs),
        outcome: said,
        status: answered?.status ?? null,
        error,
        retryInMs,
        answer: answered?.body.slice(0, EXCERPT_BYTES) ?? '',
      }),
    )
    if ((said === 'delivered' || said === 'dead') && answerQueue(round, stored) !== null)
      for (const change of answers(this.#deps, round, stored, answered, said)) run.note(change)
    if (said === 'delivered') delays.record(sincePublishMs)
    round.tell(
      answered?.status === 410 && said !== 'delivered'
        ? 'gone'
        : (turn ?? (said === 'delivered' ? 'delivered' : 'failed')),
      stored.sentAt,
      this.#url,
    )
    return outcome
  }
}

/** What waits for a receiver that is called too often is due together again: spread by chance, each event would be a call of its own. */
function withOneDraw(deps: CourierDeps): CourierDeps {
  const drawn = deps.random()
  return { ...deps, random: () => drawn }
}

/** A sentence on why the answer is no acknowledgement; null where it is one. */
async function faultOfSealed({ profile }: Round, pen: Pen, answered: Answered): Promise<string | null> {
  const fault = faultOfAck({ status: 'success' }, answered)
  if (fault !== null) return fault
  return (await isSealedSuccess(profile, pen.newest, answered.body)) ? null : 'its answer is no sealed success'
}

const rounded = (ms: number): number => Math.round(ms * 10) / 10
