// Rounds of a kind of torture, each from its own seed, so that one that fails is run again alone.

export class Counts {
  readonly all: Map<string, number> = new Map()

  add(what: string, count = 1): void {
    this.all.set(what, (this.all.get(what) ?? 0) + count)
  }

  get(what: string): number {
    return this.all.get(what) ?? 0
  }

  toString(): string {
    return [...this.all].map(([what, count]) => `${count.toLocaleString('en')} ${what}`).join(' · ')
  }
}

export type Round = (seed: number, counts: Counts) => Promise<void>

/** Runs rounds from the seed on until `isEnough`. @throws Error naming the seed of the round that failed */
export async function runRounds(
  kind: string,
  round: Round,
  seed: number,
  isEnough: (counts: Counts, rounds: number) => boolean,
  onProgress: (counts: Counts) => void = () => {},
): Promise<Counts> {
  const counts = new Counts()
  for (let rounds = 0; !isEnough(counts, rounds); rounds++) {
    try {
      await round(seed + rounds, counts)
    } catch (error) {
      throw new Error(`${kind}: again with --only ${kind} --seed ${seed + rounds} --rounds 1`, { cause: error })
    }
    onProgress(counts)
  }
  return counts
}
