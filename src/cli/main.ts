/** The command `posthorn`: runs one command, says what went wrong and what to do about it, and answers with an exit code. */
import { readFileSync } from 'node:fs'
import { isPosthornError, toProblem, type ErrorCode } from '../core/error.ts'
import { CommandError, EXIT_CODES, exitOf, isErrorCode } from './exit.ts'
import { CommanderError, createProgram } from './program.ts'
import { createSession, type Session } from './session.ts'

/** @returns the exit code: see `EXIT_CODES` */
export async function main(argv: readonly string[], session: Session = createSession()): Promise<number> {
  // Whoever reads the pipe may close it early, as `head` does.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) =>
    session.kill(code === 'EPIPE' ? EXIT_CODES.ok.code : EXIT_CODES.failed.code),
  )
  const asJson = argv.includes('--json')
  try {
    await createProgram(session, readVersion(), { asJson }).parseAsync(argv, { from: 'user' })
    return EXIT_CODES[session.exit].code
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT_CODES.ok.code
      if (asJson && error.code !== 'commander.help') reportUsage(session, error)
      return EXIT_CODES.usage.code
    }
    report(session, error, asJson)
    return EXIT_CODES[exitOf(error)].code
  }
}

function reportUsage({ terminal }: Session, { message }: CommanderError): void {
  terminal.err(JSON.stringify(toProblem('invalid-option', message.replace(/^error: /, '').replaceAll('\n', ' '))))
}

function report({ terminal }: Session, error: unknown, asJson: boolean): void {
  if (asJson) return terminal.err(JSON.stringify(problemOf(error)))
  const message = error instanceof Error ? error.message : String(error)
  terminal.err(`posthorn: ${message}`)
  for (const hint of hintsOf(error)) terminal.err(`  ${hint}`)
}

function problemOf(error: unknown): unknown {
  if (isPosthornError(error)) return error.toProblem()
  const code = error instanceof CommandError ? error.code : ('internal' satisfies ErrorCode)
  const detail = error instanceof Error ? error.message : String(error)
  if (isErrorCode(code)) return toProblem(code, detail)
  return { type: `urn:posthorn:error:${code}`, title: 'The command failed', code, detail }
}

function hintsOf(error: unknown): readonly string[] {
  if (error instanceof CommandError) return error.hints
  if (isPosthornError(error)) return []
  // Nobody foresaw this one, so the stack is what a report of it needs.
  return error instanceof Error
    ? (error.stack ?? '')
        .split('\n')
        .slice(1)
        .map((line) => line.trim())
    : []
}

function readVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string
  }
  return manifest.version
}
