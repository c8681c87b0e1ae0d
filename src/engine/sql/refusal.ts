/** Why a Commit is refused, before it is known at which change. */
import type { RefusalCode } from '../../core/engine.ts'

export interface Refusal {
  readonly code: RefusalCode
  readonly detail: string
}

export const refuse = (code: RefusalCode, detail: string): Refusal => ({ code, detail })

/** Values in sentences, never too long. */
export const quote = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 120)
