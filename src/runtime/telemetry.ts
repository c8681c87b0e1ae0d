/**
 * What happens, as typed events, for metrics, traces and tests. An event nobody listens to costs one comparison: ask `wants`
 * before making it. A listener that throws is its own problem, never that of what it listens to.
 */
import type { Durability } from '../core/engine.ts'
import { toPromise } from '../core/thenable.ts'

/** The delays of a message in ms: send (made → taken by the engine), receive (ready → handler starts), process (the handler), settle (its outcome → durable). */
export interface RunDelays {
  /** null where the message's id holds no time. */
  readonly sendMs: number | null
  readonly receiveMs: number
  readonly processMs: number
  readonly settleMs: number
}

export interface RunFacts {
  readonly queue: string
  readonly id: string
  readonly type: string
  readonly group: string | null
  readonly attempt: number
}

export interface TelemetryEvents {
  /** A sender's commit became durable. `target`: a queue or a topic. */
  readonly sent: {
    readonly target: string
    readonly count: number
    readonly duplicates: number
    readonly ms: number
    readonly durability: Durability
  }
  /** Messages of a queue were handed to this worker. */
  readonly leased: { readonly queue: string; readonly count: number }
  readonly started: RunFacts & { readonly receiveMs: number }
  /** A run's outcome is durable. `released`: given back uncounted, by a stop or because its type is unknown here. */
  readonly ended: RunFacts &
    RunDelays & {
      readonly outcome: 'done' | 'fail' | 'retry' | 'snooze' | 'bury' | 'cancel' | 'released'
      readonly code: string | null
    }
  /** The lease was lost: what the run did has no effect. `blocked`: nothing could be extended because the event loop stood still. */
  readonly lost: RunFacts & { readonly why: 'stale' | 'blocked' | 'away' | 'unknown' }
  /** The engine refused a settling commit for another reason than a lost lease. */
  readonly refused: RunFacts & { readonly code: string; readonly detail: string }
  /** The engine does not answer; it is tried again after `retryInMs`. */
  readonly away: {
    readonly doing: 'lease' | 'settle' | 'extend'
    readonly error: unknown
    readonly failures: number
    readonly retryInMs: number
  }
  readonly back: { readonly doing: 'lease' | 'settle' | 'extend'; readonly awayMs: number }
}

export type TelemetryName = keyof TelemetryEvents
type Listener<N extends TelemetryName> = (event: TelemetryEvents[N]) => void
/** The lists are never changed in place: who is told of an event is settled when it is emitted. */
type ListenersOf<Names extends TelemetryName> = { [N in Names]: readonly Listener<N>[] }

export class Telemetry {
  readonly #listeners: ListenersOf<TelemetryName> = {
    sent: [],
    leased: [],
    started: [],
    ended: [],
    lost: [],
    refused: [],
    away: [],
    back: [],
  }
  readonly #fault: (error: unknown) => void

  constructor(fault: (error: unknown) => void = () => {}) {
    this.#fault = fault
  }

  wants(name: TelemetryName): boolean {
    return this.#listeners[name].length > 0
  }

  on<N extends TelemetryName>(name: N, listener: Listener<N>): Disposable {
    const listeners: ListenersOf<N> = this.#listeners
    listeners[name] = [...listeners[name], listener]
    let isOn = true
    return {
      [Symbol.dispose]: () => {
        if (!isOn) return
        isOn = false
        listeners[name] = listeners[name].toSpliced(listeners[name].indexOf(listener), 1)
      },
    }
  }

  emit<N extends TelemetryName>(name: N, event: TelemetryEvents[N]): void {
    for (const listener of this.#listeners[name]) {
      try {
        const heard: unknown = listener(event)
        toPromise(heard)?.catch(this.#fault)
      } catch (error) {
        this.#fault(error)
      }
    }
  }
}
