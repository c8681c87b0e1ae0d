/** One thing that `doctor` looked at: what it found, what that means, and whether something is to be done. */
export interface Check {
  readonly name: string
  /** `wrong` fails the command. */
  readonly verdict: 'ok' | 'note' | 'wrong'
  readonly found: string
  /** What it means, or what to do: sentences, or pieces of them. */
  readonly meaning: readonly string[]
  /** For programs: the same in numbers. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined
}
