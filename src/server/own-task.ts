/** What tasks of Posthorn's own share: their inputs were read by a route already, and are read again when they run. */
import type { Schema } from '../core/schema.ts'

/** Messages a second that one of them may be asked to keep to. */
export const RATE: { readonly min: number; readonly max: number } = { min: 0.001, max: 1_000_000 }

/** A Standard Schema of a function that returns the value or throws. */
export function readBy<T>(read: (value: never) => T): Schema<T, T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'posthorn',
      validate(value) {
        try {
          return { value: read(value as never) }
        } catch (error) {
          return { issues: [{ message: (error as Error).message }] }
        }
      },
    },
  }
}

/** Of an output that this program makes itself. */
export const asMade = <T>(): Schema<T, T> => readBy((value: T) => value)
