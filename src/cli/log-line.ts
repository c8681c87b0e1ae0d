/** What the running parts log, as lines on standard error: for people, or as JSON for programs. */
import type { Clock } from '../core/clock.ts'
import { createLog, type Log, type LogLevel } from '../runtime/log.ts'
import { formatLine } from './format.ts'
import type { Style, Terminal } from './terminal.ts'

const STYLES: Readonly<Record<LogLevel, Style>> = { debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red' }

export function createLineLog(terminal: Terminal, clock: Clock, json: boolean): Log {
  return createLog((level, message, facts) => {
    if (level === 'debug') return
    const time = new Date(clock.wallMs()).toISOString()
    if (json) return terminal.err(JSON.stringify({ time, level, message, ...facts }, errorsAsText))
    const told = Object.entries(facts).map(([name, value]) => `${name}=${formatLine(textOf(value), 200)}`)
    terminal.err(
      [
        terminal.style('dim', time.slice(11, 23)),
        terminal.style(STYLES[level], level),
        formatLine(message, 300),
        terminal.style('dim', told.join(' ')),
      ]
        .join(' ')
        .trimEnd(),
    )
  })
}

function textOf(value: unknown): string {
  if (value instanceof Error) return value.message
  return typeof value === 'string' ? value : (JSON.stringify(value, errorsAsText) ?? String(value))
}

const errorsAsText = (_name: string, value: unknown): unknown =>
  value instanceof Error ? value.message : typeof value === 'bigint' ? String(value) : value
