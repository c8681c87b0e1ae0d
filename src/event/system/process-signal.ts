/** Signals that the process is sent. While a listener is there, what Node would do by itself for that signal (to end, mostly) does not happen. */
import { constants } from 'node:os'
import { invalidOption } from '../../core/option.ts'
import { brandSource, resolveSource, type Source, type SourceOptions } from '../contract.ts'
import { Hub, type Feed } from '../listen/hub.ts'

export interface SignalEvents {
  readonly 'signal.received': {
    readonly signal: NodeJS.Signals
    readonly number: number
    /** How often it came since the event before, this one included: more than 1 where listeners were behind. */
    readonly count: number
  }
}

/** Nobody is asked before these. */
const UNHEARD = ['SIGKILL', 'SIGSTOP']

/**
 * `processSignals('reload', ['SIGHUP'])`. A signal that comes again while its event waits for room is counted, not queued.
 * @throws PosthornError `invalid-name`, `invalid-option`
 */
export function processSignals<const N extends string>(
  name: N,
  signals: readonly NodeJS.Signals[],
  options: SourceOptions = {},
): Source<N, SignalEvents> {
  const config = resolveSource('processSignals', name, options, [])
  if (!Array.isArray(signals) || signals.length === 0)
    throw invalidOption(config.field, 'signals', signals, "a list like ['SIGHUP', 'SIGUSR2']")
  for (const signal of signals)
    if (!(signal in constants.signals) || UNHEARD.includes(signal))
      throw invalidOption(config.field, 'signals', signal, `signals of this system, and none of ${UNHEARD.join(', ')}`)
  const hub = new Hub(config, (feed) => {
    const parts = [...new Set(signals)].map((signal) => listen(feed, signal))
    return () => parts.forEach((end) => end())
  })
  return brandSource(name, { name, hub, isAcknowledged: false, mount: null })
}

function listen(feed: Feed, signal: NodeJS.Signals): () => void {
  let count = 0
  let isTelling = false
  const tell = async (): Promise<void> => {
    isTelling = true
    while (count > 0) {
      const data = { signal, number: constants.signals[signal], count }
      count = 0
      await feed.tell({ type: 'signal.received', data }).admitted.catch(() => {})
    }
    isTelling = false
  }
  const onSignal = (): void => {
    count++
    if (!isTelling) void tell()
  }
  process.on(signal, onSignal)
  return () => void process.off(signal, onSignal)
}
