/** Why a Commit is refused. Thrown where it is found, and caught where what the Commit did so far is taken back. */
import type { RefusalCode } from '../../../core/engine.ts'

export class Refusal extends Error {
  readonly code: RefusalCode

  constructor(code: RefusalCode, detail: string) {
    super(detail)
    this.code = code
  }
}

export const refuse = (code: RefusalCode, detail: string): never => {
  throw new Refusal(code, detail)
}
