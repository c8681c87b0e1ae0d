// What a process that may be killed notes of its commits, and the history that follows from it.

import { existsSync, readFileSync } from 'node:fs'
import { History, type Answer, type Step } from './history.ts'

export type Note = { readonly begin: Step } | { readonly end: readonly [n: number, answer: Answer] }

/** Those without an answer are unknown. */
export function readNotes(file: string): History {
  const history = new History()
  if (!existsSync(file)) return history
  // The last line may be half written.
  for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
    const value = JSON.parse(line) as Note
    if ('begin' in value) history.begin(value.begin)
    else history.end(...value.end)
  }
  history.crash()
  return history
}
