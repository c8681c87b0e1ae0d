/** How the command ends: one table of exit codes for scripts, and which error has which. docs/reference/cli.md lists it, held true by a test. */
import { ERRORS, isPosthornError, type ErrorCode } from '../core/error.ts'

export const EXIT_CODES = {
  'ok': { code: 0, meaning: 'It worked.' },
  'failed': {
    code: 1,
    meaning: 'It failed: a disk, a network, a handler, or a check of `doctor`. Standard error says what.',
  },
  'usage': { code: 2, meaning: 'The command line or the module is wrong. Nothing was done.' },
  'not-found': { code: 3, meaning: 'There is no such queue, message, task, module or folder.' },
  'locked': { code: 4, meaning: 'Another process holds the engine, and it is no `posthorn serve` or `posthorn work`.' },
  'refused': {
    code: 5,
    meaning: 'The queue or the disk is full, or the server is draining. The same command can work later.',
  },
  'unreachable': { code: 6, meaning: 'The server does not answer, or does not take the key.' },
  'engine-failed': {
    code: 7,
    meaning:
      'The disk failed under a `serve` or `work`, which then ends: what was confirmed is safe, and a restart opens it again.',
  },
  'interrupted': { code: 130, meaning: 'A second signal ended it before it had stopped cleanly (143 for SIGTERM).' },
} as const

export type ExitName = keyof typeof EXIT_CODES

/** An error of the command line itself, with what to do about it. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exit: ExitName
  readonly code: string
  /** What to do, one line each. */
  readonly hints: readonly string[]

  constructor(exit: ExitName, code: string, message: string, hints: readonly string[] = [], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.exit = exit
    this.code = code
    this.hints = hints
  }
}

/** The exit of an error; of a thing nobody foresaw, `failed`. */
export function exitOf(error: unknown): ExitName {
  if (error instanceof CommandError) return error.exit
  return isPosthornError(error) ? exitOfCode(error.code, error.status) : 'failed'
}

/** The exit of an error code, where the code is from the table; else of its HTTP status. */
export function exitOfCode(code: string, status: number): ExitName {
  if (code === 'engine-locked') return 'locked'
  if (code === 'full' || code === 'disk-full' || status === 429) return 'refused'
  if (status === 401 || isKeyless(code)) return 'unreachable'
  if (status === 404 || status === 410) return 'not-found'
  return status === 400 || status === 403 || status === 409 || status === 413 || status === 422 ? 'usage' : 'failed'
}

/** What a server without keys answers to those that it does not take for this machine's own. */
const isKeyless = (code: string): boolean => code === 'forbidden-host' || code === 'forbidden-origin'

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code)
