/**
 * Checks what administration is given. An option that is misspelt and passed over would be a purge of everything instead of what
 * was meant, so each is told.
 */
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'
import { ENDED_STATES, WAITING_STATES, type State } from '../core/message.ts'
import { DEFAULT_QUEUE } from '../core/settings.ts'
import type { Match } from './control.ts'

const STATES: readonly State[] = [...WAITING_STATES, 'leased', 'dead', ...ENDED_STATES]
const PICK = ['by', 'agingMs', 'fair']

/** @throws PosthornError `invalid-option` */
export function checkSweep(field: string, options: object): void {
  checkKnown(field, options, ['ids', 'state', 'match', 'max', 'dryRun', 'rate', 'signal', 'onProgress'])
  checkMatch(field, (options as { readonly match?: unknown }).match)
}

/** @throws PosthornError `invalid-option` */
export function checkBrowse(options: unknown): void {
  if (!isPlain(options)) throw invalidOption('browse', 'options', options, "an object like { state: 'dead' }")
  checkKnown('browse', options, ['state', 'match', 'after', 'limit'])
  checkState('browse', options['state'], STATES)
  checkMatch('browse', options['match'])
}

/** @throws PosthornError `invalid-option` */
export function checkState(field: string, state: unknown, states: readonly State[]): void {
  if (!states.includes(state as State))
    throw invalidOption(field, 'state', state, `one of ${states.map((each) => `'${each}'`).join(', ')}`)
}

/** @throws PosthornError `invalid-option`; what the values must be, the settings themselves say */
export function checkChange(change: unknown): void {
  if (!isPlain(change)) throw invalidOption('configure', 'change', change, 'an object like { maxLapses: 3 }')
  checkKnown('configure', change, Object.keys(DEFAULT_QUEUE))
  for (const [part, known] of [
    ['limit', Object.keys(DEFAULT_QUEUE.limit)],
    ['keep', Object.keys(DEFAULT_QUEUE.keep)],
    ['pick', PICK],
  ] as const) {
    const given = change[part]
    if (given === undefined) continue
    if (!isPlain(given)) throw invalidOption('configure', part, given, `an object of ${known.join(', ')}`)
    checkKnown(`configure: ${part}`, given, known)
  }
}

function checkMatch(field: string, match: unknown): void {
  if (match === undefined) return
  if (!isPlain(match)) throw invalidOption(field, 'match', match, "an object like { error: 'handler-failed' }")
  checkKnown(`${field}: match`, match, ['type', 'error', 'group', 'key', 'before', 'since'])
  const { before, since, ...texts } = match as { readonly [Name in keyof Match]: unknown }
  for (const [name, date] of Object.entries({ before, since }))
    if (date !== undefined && !(date instanceof Date && !Number.isNaN(date.getTime())))
      throw invalidOption(field, `match.${name}`, date, 'a valid Date')
  for (const [name, text] of Object.entries(texts))
    if (text !== undefined && typeof text !== 'string') throw invalidOption(field, `match.${name}`, text, 'a text')
}
