/** Runs handlers: starts one, ends it on time, hears of a lost lease or a cancel, and makes a verdict of what comes back. */
import type { Clock } from '../core/clock.ts'
import { isPosthornError, PosthornError, type ErrorCode } from '../core/error.ts'
import type { Random } from '../core/id.ts'
import { toPromise } from '../core/thenable.ts'
import { clearDeadline } from '../runtime/deadline.ts'
import type { Log } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { ActiveRun } from './active-run.ts'
import type { Conclusion } from './binding.ts'
import { factsOf, receiveMsOf, RunTimeout, type Handling, type LostReason } from './handling.ts'
import { isOutcome } from './outcome.ts'
import { UnknownContracts } from './unknown-contract.ts'
import {
  faultOf,
  judgeBuried,
  judgeCancelled,
  judgeDone,
  judgeFault,
  judgeGivenBack,
  judgeOutcome,
  type Fault,
  type Verdict,
} from './verdict.ts'

export interface RunnerDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly telemetry: Telemetry
  settle(handling: Handling, verdict: Verdict): void
  /** It is settled already. */
  settled(handling: Handling): void
  lost(handling: Handling, why: LostReason): void
  over(handling: Handling): void
}

export class Runner {
  readonly #deps: RunnerDeps
  readonly #unknown = new UnknownContracts()

  constructor(deps: RunnerDeps) {
    this.#deps = deps
  }

  start(handling: Handling, nowMs: number): void {
    handling.startedAtMs = handling.returnedAtMs = nowMs
    // Not started at all is better than started beside another holder.
    if (nowMs >= handling.leaseUntilMs) {
      this.#deps.lost(handling, 'blocked')
      return this.#deps.over(handling)
    }
    try {
      if (handling.served.binding.recognises?.(handling.delivery.stored) === 'unknown')
        return this.#refuseUnknown(handling, nowMs)
    } catch (error) {
      return this.#settle(handling, this.#judgeFault(handling, faultOf('handler-failed', error)))
    }
    const { telemetry } = this.#deps
    if (telemetry.wants('started'))
      telemetry.emit('started', { ...factsOf(handling), receiveMs: receiveMsOf(handling) })
    this.#begin(handling, nowMs)
  }

  /** At once and uncounted, because a version it had read is no longer the current one. */
  rerun(handling: Handling): void {
    handling.reruns++
    this.#begin(handling, this.#deps.clock.monotonicMs())
  }

  /** The lease is lost: the handler is told, and what it comes to will have no effect. */
  lose(handling: Handling, why: LostReason): void {
    // While it is being settled the commit's own answer says what is true.
    if (handling.state === 'settling' || handling.state === 'over' || handling.lost !== null) return
    this.#deps.lost(handling, why)
    if (handling.state === 'waiting') return this.#deps.over(handling)
    handling.lost = why
    handling.run!.abort(
      new PosthornError(
        'stale',
        `the lease of message ${handling.delivery.stored.id} was lost: stop, what this run does has no effect any more`,
      ),
    )
  }

  /** Somebody asked that the message be cancelled. */
  cancel(handling: Handling): void {
    if (handling.cancelRequested) return
    handling.cancelRequested = true
    if (handling.state === 'waiting') this.#settle(handling, judgeCancelled(handling))
    else
      handling.run?.abort(
        new PosthornError('operation-cancelled', `message ${handling.delivery.stored.id} was cancelled`),
      )
  }

  /** The worker stops and waits no longer: the message is given back, uncounted. */
  interrupt(handling: Handling): void {
    if (handling.state !== 'running' || handling.run!.isJoining) return
    handling.run!.close()
    handling.run!.abort(new PosthornError('aborted', 'the worker stops'))
    if (handling.lost !== null) return this.#end(handling)
    this.#settle(
      handling,
      handling.cancelRequested ? judgeCancelled(handling) : judgeGivenBack(handling, 0, 'released'),
    )
  }

  timeOut(handling: Handling): void {
    const run = handling.run!
    if (run.isJoining) return
    run.close()
    const error = new PosthornError('timed-out', `the run took longer than ${handling.served.timeoutMs} ms`)
    run.abort(error)
    if (handling.lost !== null) return this.#end(handling)
    this.#settle(handling, this.#judgeFault(handling, faultOf('timed-out', error)))
  }

  #begin(handling: Handling, nowMs: number): void {
    const { served } = handling
    const run = new ActiveRun(handling.delivery, this.#deps.log)
    handling.state = 'running'
    handling.run = run
    if (served.timeouts !== null) served.timeouts.set((handling.timeout ??= new RunTimeout(handling)), nowMs)
    let value: unknown
    let late: Promise<unknown> | null
    try {
      value = served.call(run)
      late = toPromise(value)
    } catch (error) {
      return this.#threw(handling, run, error)
    }
    if (late === null) return this.#returned(handling, run, value)
    late.then(
      (settled) => this.#came(handling, run, settled),
      (error: unknown) => this.#failed(handling, run, error),
    )
  }

  /** What the promise came to. */
  #came(handling: Handling, run: ActiveRun, value: unknown): void {
    const conclusion = conclusionOf(handling, run)
    let concluded: unknown
    try {
      concluded = conclusion === null ? value : conclusion.returned(value)
    } catch (error) {
      return this.#threw(handling, run, error)
    }
    this.#concluded(handling, run, concluded)
  }

  #failed(handling: Handling, run: ActiveRun, error: unknown): void {
    const conclusion = conclusionOf(handling, run)
    if (conclusion === null) return this.#threw(handling, run, error)
    let concluded: unknown
    try {
      concluded = conclusion.threw(error)
    } catch (failure) {
      return this.#threw(handling, run, failure)
    }
    this.#concluded(handling, run, concluded)
  }

  #concluded(handling: Handling, run: ActiveRun, value: unknown): void {
    if (!(value instanceof Promise)) return this.#returned(handling, run, value)
    value.then(
      (settled) => this.#returned(handling, run, settled),
      (error: unknown) => this.#threw(handling, run, error),
    )
  }

  #returned(handling: Handling, run: ActiveRun, value: unknown): void {
    if (run.over) return
    run.close()
    if (run.isJoined) return this.#settled(handling)
    if (handling.lost !== null) return this.#end(handling)
    this.#settle(handling, this.#judge(handling, run, value))
  }

  #threw(handling: Handling, run: ActiveRun, error: unknown): void {
    if (run.over) return
    run.close()
    if (handling.lost !== null) return this.#end(handling)
    this.#settle(
      handling,
      isOutcome(error) ? this.#judge(handling, run, error) : this.#judgeFault(handling, faultOf(codeOf(error), error)),
    )
  }

  #judge(handling: Handling, run: ActiveRun, value: unknown): Verdict {
    const forgotten = run.forgotten(value)
    if (forgotten !== null) return this.#judgeFault(handling, faultOf('outcome-not-returned', forgotten))
    return isOutcome(value)
      ? judgeOutcome(handling, value, run.effects, this.#deps.random)
      : judgeDone(handling, value, run.effects)
  }

  #judgeFault(handling: Handling, fault: Fault): Verdict {
    return judgeFault(handling, fault, handling.served.retry, this.#deps.random)
  }

  #refuseUnknown(handling: Handling, nowMs: number): void {
    const { queue, id, message } = handling.delivery.stored
    const afterMs = this.#unknown.see(queue, id, nowMs)
    if (afterMs !== null) return this.#settle(handling, judgeGivenBack(handling, afterMs, 'released'))
    const version = message.notes?.['v']
    this.#settle(
      handling,
      judgeBuried(
        handling,
        'unknown-contract',
        `no worker knew type '${message.event.type}'${version === undefined ? '' : `, version ${version},`} for 15 minutes`,
      ),
    )
  }

  #settle(handling: Handling, verdict: Verdict): void {
    if (handling.timeout !== null) clearDeadline(handling.timeout)
    if (this.#deps.telemetry.wants('ended')) handling.returnedAtMs = this.#deps.clock.monotonicMs()
    handling.state = 'settling'
    this.#deps.settle(handling, verdict)
  }

  #settled(handling: Handling): void {
    if (handling.timeout !== null) clearDeadline(handling.timeout)
    handling.returnedAtMs = this.#deps.clock.monotonicMs()
    this.#deps.settled(handling)
  }

  #end(handling: Handling): void {
    if (handling.timeout !== null) clearDeadline(handling.timeout)
    this.#deps.over(handling)
  }
}

const conclusionOf = ({ served }: Handling, run: ActiveRun): Conclusion | null =>
  served.isWrapped ? null : run.conclusion

/** The handler's own errors are all one to the table; what the run itself found wrong keeps its name through middleware. */
function codeOf(error: unknown): ErrorCode {
  return isPosthornError(error) && error.code === 'outcome-not-returned' ? error.code : 'handler-failed'
}
