/** The master key as it is given: an option, an environment variable, a file. Several while one takes the place of another. */
import { readFileSync } from 'node:fs'
import { PosthornError } from '../../core/error.ts'
import { invalidOption } from '../../core/option.ts'

export type MasterKeyOption = string | readonly string[]

const SHORTEST = 32
const VARIABLE = 'POSTHORN_MASTER_KEY'
const FILE_VARIABLE = 'POSTHORN_MASTER_KEY_FILE'

/** The newest first; none where nothing says one. @throws PosthornError `invalid-option`; no error shows a key */
export function resolveMasterKeys(
  given: MasterKeyOption | undefined,
  env: Readonly<Record<string, string | undefined>>,
): readonly Uint8Array[] {
  if (given !== undefined) return check('open: masterKey', typeof given === 'string' ? [given] : given)
  const text = env[VARIABLE]
  if (text !== undefined && text !== '') return check(VARIABLE, words(text))
  const file = env[FILE_VARIABLE]
  return file === undefined || file === '' ? [] : check(`${FILE_VARIABLE} (${file})`, words(read(file)))
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '')

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new PosthornError('invalid-option', `${FILE_VARIABLE} names '${file}', which cannot be read`, {
      cause,
      details: { field: FILE_VARIABLE },
    })
  }
}

function check(field: string, keys: unknown): readonly Uint8Array[] {
  const isSound = Array.isArray(keys) && keys.length > 0
  if (!isSound || !keys.every((key) => typeof key === 'string' && key.length >= SHORTEST && !/\s/.test(key)))
    throw invalidOption(
      field,
      'it',
      '****',
      `a text of at least ${SHORTEST} characters without spaces, as of \`openssl rand -base64 32\`, or several, the newest first`,
    )
  return keys.map((key: string) => new TextEncoder().encode(key))
}
