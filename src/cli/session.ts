/** What every command is given: where to write, the clock, the environment. Tests give their own. */
import { systemClock, type Clock } from '../core/clock.ts'
import type { ExitName } from './exit.ts'
import { processTerminal, type Terminal } from './terminal.ts'

export interface Session {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Ends the process at once. */
  kill(exitCode: number): never
  /** How the command ends where it does not throw. */
  exit: ExitName
}

/** The options that every command has. */
export interface CommonOptions {
  readonly engine?: string | undefined
  readonly keyFile?: string | undefined
  readonly json?: boolean | undefined
}

export function createSession(): Session {
  return {
    terminal: processTerminal,
    clock: systemClock,
    env: process.env,
    cwd: process.cwd(),
    kill: (exitCode) => process.exit(exitCode),
    exit: 'ok',
  }
}

/** One JSON value on one line, for programs. */
export function writeJson({ terminal }: Session, value: unknown): void {
  terminal.out(JSON.stringify(value))
}
