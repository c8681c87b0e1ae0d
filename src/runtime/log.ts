/** Where the running parts write what people should know. Structured: a sentence and facts; never a body, never a secret. */

import { toPromise } from '../core/thenable.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFacts = Readonly<Record<string, unknown>>

export interface Log {
  debug(message: string, facts?: LogFacts): void
  info(message: string, facts?: LogFacts): void
  warn(message: string, facts?: LogFacts): void
  error(message: string, facts?: LogFacts): void
}

export type LogSink = (level: LogLevel, message: string, facts: LogFacts) => void

/** A log that gives every entry to `sink`, with `facts` added to each. */
export function createLog(sink: LogSink, facts: LogFacts = {}): Log {
  const at = (level: LogLevel) => (message: string, more?: LogFacts) =>
    sink(level, message, more === undefined ? facts : { ...facts, ...more })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

const nothing = () => {}

export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** The same log, which never throws: who writes to it is in the middle of something that must go on. */
export function guardLog(log: Log): Log {
  return createLog((level, message, facts) => {
    try {
      const written: unknown = log[level](message, facts)
      toPromise(written)?.catch(nothing)
    } catch {
      // There is nowhere to tell it.
    }
  })
}

/** The same log with `facts` added to each entry. */
export function logWith(log: Log, facts: LogFacts): Log {
  return createLog((level, message, more) => log[level](message, more), facts)
}
