/**
 * From a verdict to a durable end: the change that settles the token, the held effects and what ends the operation are one
 * commit, and what is settled together is one call of the engine, up to a mebibyte of bodies. A commit that changes nothing twice needs
 * no memory of its own: its token is worth one settling, so it is repeated until the engine answers.
 */
import type { Clock } from '../core/clock.ts'
import { bytesOfBodies, MOST_CALL_BYTES } from '../core/commit-size.ts'
import { DEFAULTS } from '../core/default.ts'
import type { Change, Commit, CommitResult, Engine } from '../core/engine.ts'
import { isPosthornError, PosthornError } from '../core/error.ts'
import type { Ids, Random } from '../core/id.ts'
import type { Log } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { Away } from './away.ts'
import { endedOf, factsOf, type Handling, type LostReason } from './handling.ts'
import { faultOf, judgeFault, judgeGivenBack, type Verdict } from './verdict.ts'

export interface SettlerDeps {
  readonly engine: Pick<Engine, 'commit' | 'capabilities'>
  readonly clock: Clock
  readonly ids: Ids
  readonly random: Random
  readonly log: Log
  readonly telemetry: Telemetry
  readonly away: Away
  /** When what has been settled until then goes to the engine: after the step of the event loop that it ended in, or after the whole turn. */
  readonly gather: 'step' | 'turn'
  /** Whether a handler may run again at once. */
  mayRerun(handling: Handling): boolean
  rerun(handling: Handling): void
  /** Its end is on its way, and changes nothing that the next run could look for: another may run in its place. */
  leave(handling: Handling): void
  /** It was given back, and is ready again after that time. */
  delayed(handling: Handling, afterMs: number): void
  lost(handling: Handling, why: LostReason): void
  over(handling: Handling): void
}

/**
 * A class and not a literal: V8 may decide that what a literal makes is old from the start, and from then on each kept all of its message for the
 * long pauses of the garbage collector.
 */
class Settlement {
  readonly handling: Handling
  readonly verdict: Verdict
  readonly commit: Commit
  /** Whether an answer was lost, so that it may have happened. */
  unknown = false

  constructor(handling: Handling, verdict: Verdict, commit: Commit) {
    this.handling = handling
    this.verdict = verdict
    this.commit = commit
  }
}

type Refusal = Extract<CommitResult, { status: 'refused' }>

export class Settler {
  readonly #deps: SettlerDeps
  /**
   * Where an answer can be lost between processes, the id of a commit with effects has the repeated one answered like the first. Without
   * effects nothing hangs on that answer, and the engine need not remember each message that was ever done.
   */
  readonly #named: boolean
  #batch: Settlement[] = []
  /** Of the bodies in the batch. */
  #bytes = 0
  #handled = 0

  constructor(deps: SettlerDeps) {
    this.#deps = deps
    this.#named = deps.engine.capabilities.processes !== 'one'
  }

  /** Runs whose outcome became durable. */
  get handled(): number {
    return this.#handled
  }

  settle(handling: Handling, verdict: Verdict): void {
    if (!handling.started) handling.startedAtMs = handling.returnedAtMs = this.#deps.clock.monotonicMs()
    handling.state = 'settling'
    let changes: readonly Change[]
    try {
      changes = this.#changesOf(handling, verdict)
    } catch (error) {
      return this.#endingFailed(handling, verdict, error)
    }
    this.#add(handling, verdict, changes)
  }

  /** It was settled as done by somebody else. */
  settled(handling: Handling): void {
    const { telemetry } = this.#deps
    this.#handled++
    if (telemetry.wants('ended')) telemetry.emit('ended', endedOf(handling, handling.returnedAtMs, 'done', null))
    this.#deps.over(handling)
  }

  /** Uncounted; also of what never started. */
  giveBack(handling: Handling, afterMs: number): void {
    this.settle(handling, judgeGivenBack(handling, afterMs, 'released'))
  }

  #add(handling: Handling, verdict: Verdict, changes: readonly Change[]): void {
    const commit = this.#named && verdict.effects.length > 0 ? { id: this.#deps.ids.uuid(), changes } : { changes }
    if (this.#batch.push(new Settlement(handling, verdict, commit)) === 1) this.#flushSoon()
    if (changes.length > 1 && (this.#bytes += bytesOfBodies(commit)) >= MOST_CALL_BYTES) this.#flush()
    if (
      verdict.effects.length === 0 &&
      !this.#deps.away.isAway &&
      (changes.length === 1 || !changes.some(isConditional))
    )
      this.#deps.leave(handling)
  }

  #changesOf(handling: Handling, { settling, effects, ended }: Verdict): readonly Change[] {
    const ending =
      ended === null ? undefined : handling.served.binding.ending?.(handling.delivery.stored, ended, handling.run)
    const notes = handling.run?.notes
    if (notes !== undefined && notes.length > 0) return [settling, ...effects, ...(ending ?? []), ...notes]
    return ending === undefined || ending.length === 0
      ? effects.length === 0
        ? [settling]
        : [settling, ...effects]
      : [settling, ...effects, ...ending]
  }

  /** A value that cannot be recorded is a failed run; any other end is better without its record than not at all. */
  #endingFailed(handling: Handling, verdict: Verdict, error: unknown): void {
    const { log, random } = this.#deps
    const { queue, id } = handling.delivery.stored
    log.error('what ends the operation could not be made', { queue, id, error })
    if (verdict.outcome !== 'done') return this.#add(handling, verdict, [verdict.settling])
    this.settle(handling, judgeFault(handling, faultOf('handler-failed', error), handling.served.retry, random))
  }

  #flushSoon(): void {
    if (this.#deps.gather === 'step') queueMicrotask(this.#flush)
    else setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    const batch = this.#batch
    // One that grew too large went before its turn.
    if (batch.length === 0) return
    this.#batch = []
    this.#bytes = 0
    void this.#commit(batch)
  }

  async #commit(batch: readonly Settlement[]): Promise<void> {
    let results: readonly CommitResult[]
    try {
      results = await this.#deps.engine.commit(batch.map(({ commit }) => commit))
    } catch (error) {
      return this.#unanswered(batch, error)
    }
    this.#deps.away.answered()
    for (let at = 0; at < batch.length; at++) this.#answered(batch[at]!, results[at]!)
  }

  #answered(settlement: Settlement, result: CommitResult): void {
    if (result.status === 'refused') return this.#refused(settlement, result)
    const { handling, verdict } = settlement
    const { telemetry, clock } = this.#deps
    if (verdict.outcome !== 'released') this.#handled++
    if (telemetry.wants('ended'))
      telemetry.emit('ended', endedOf(handling, clock.monotonicMs(), verdict.outcome, verdict.code))
    const { settling } = verdict
    if ('error' in settling) this.#tell(handling, settling)
    if ('delay' in settling && 'afterMs' in settling.delay) this.#deps.delayed(handling, settling.delay.afterMs)
    this.#deps.over(handling)
  }

  #tell(handling: Handling, settling: Extract<Change, { readonly do: 'retry' | 'bury' }>): void {
    const { queue, id, failed } = handling.delivery.stored
    const facts = { queue, id, attempt: failed + 1, code: settling.error.code, error: settling.error.message }
    if (settling.do === 'bury') this.#deps.log.error('a message was buried', facts)
    else this.#deps.log.warn('a run failed and will be tried again', { ...facts, delay: settling.delay })
  }

  #refused(settlement: Settlement, refusal: Refusal): void {
    const { handling, verdict, commit } = settlement
    const { telemetry, log, random } = this.#deps
    if (refusal.code === 'stale') return this.#lost(settlement)
    const { code, detail } = refusal
    if (telemetry.wants('refused')) telemetry.emit('refused', { ...factsOf(handling), code, detail })
    const notes = handling.run?.notes ?? []
    if (notes.some((note) => note === commit.changes[refusal.at])) {
      // What was done is done: a record of it that cannot be kept must not have it done again.
      log.warn('a record of a run could not be kept; the run counts without it', { ...factsOf(handling), code, detail })
      handling.run!.forgetNotes()
      return this.settle(handling, verdict)
    }
    if (verdict.outcome === 'done') {
      if (code === 'conflict' && handling.reruns < DEFAULTS.conflictReruns && !handling.cancelRequested) {
        return this.#deps.mayRerun(handling) ? this.#deps.rerun(handling) : this.giveBack(handling, 0)
      }
      const error = new PosthornError(code, `the effects were refused: ${detail}`)
      return this.settle(handling, judgeFault(handling, faultOf(code, error), handling.served.retry, random))
    }
    const { queue, id } = handling.delivery.stored
    if (commit.changes.length > 1) {
      log.error('the engine refused what ends the operation; the message ends without it', { queue, id, code, detail })
      return this.#add(handling, verdict, [verdict.settling])
    }
    log.error('the engine refused to settle a message; its lease is left to lapse', { queue, id, code, detail })
    this.#deps.over(handling)
  }

  #lost({ handling, unknown }: Settlement): void {
    const late = this.#deps.clock.monotonicMs() >= handling.leaseUntilMs
    this.#deps.lost(handling, unknown ? 'unknown' : late ? 'blocked' : 'stale')
    this.#deps.over(handling)
  }

  /** Repeated until it is answered, or until the lease's time is over and the fence would refuse it anyway. */
  #unanswered(batch: readonly Settlement[], error: unknown): void {
    const { clock, away } = this.#deps
    const translated = isPosthornError(error)
    const again: Settlement[] = []
    for (const settlement of batch) {
      if (!translated || error.code === 'unknown') settlement.unknown = true
      if (clock.monotonicMs() < settlement.handling.leaseUntilMs) again.push(settlement)
      else this.#giveUp(settlement)
    }
    const waitMs = away.failed(error)
    if (again.length === 0) return
    // Where it is no answer of Posthorn's, whatever broke the call may be one commit's doing: alone, it harms no other.
    const batches = translated ? [again] : again.map((settlement) => [settlement])
    clock.timer(waitMs, () => batches.forEach((each) => void this.#commit(each)))
  }

  #giveUp({ handling, unknown }: Settlement): void {
    this.#deps.lost(handling, unknown ? 'unknown' : 'away')
    this.#deps.over(handling)
  }
}

/** Whether it may be refused over a conflict: then the handler runs again, and needs a place for it. */
function isConditional(change: Change): boolean {
  return 'ifVersion' in change && change.ifVersion !== undefined
}
