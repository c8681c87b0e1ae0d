/** The platform's key, from a file or the environment; never from an argument, where every process of the machine could read it. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CommandError } from './exit.ts'
import type { Session } from './session.ts'

/** @throws CommandError `usage` where the file cannot be read or is empty */
export function readKey(session: Session, keyFile: string | undefined): string | undefined {
  if (keyFile === undefined) return session.env['POSTHORN_KEY'] || undefined
  let text: string
  try {
    text = readFileSync(resolve(session.cwd, keyFile), 'utf8').trim()
  } catch (error) {
    throw new CommandError(
      'usage',
      'invalid-option',
      `--key-file ${keyFile} cannot be read: ${(error as Error).message}`,
      [],
      error,
    )
  }
  if (text === '')
    throw new CommandError('usage', 'invalid-option', `--key-file ${keyFile} is empty`, [
      'Make one: head -c 32 /dev/urandom | base64 > FILE',
    ])
  return text
}
