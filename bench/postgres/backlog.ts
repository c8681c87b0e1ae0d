/** Whether Posthorn is slower where much waits: the same send and drain, before a small and a large backlog, in turn. */
import { median } from '../measure.ts'
import { inProcess } from './round.ts'
import { planOf, WORKS } from './work.ts'

const SMALL = 1_000
const BAR = 0.8

export async function backlog(url: string, rounds: number, seconds: number, large: number): Promise<string> {
  const lines: string[] = []
  for (const name of ['send', 'drain'] as const) {
    const rates = new Map<number, number[]>([SMALL, large].map((waiting) => [waiting, []]))
    for (let round = 0; round < rounds; round++)
      for (const [waiting, of] of rates)
        of.push((await inProcess(url, 'posthorn', planOf(WORKS[name], 'posthorn', seconds, waiting))).rate)
    const [few, many] = [...rates.values()].map((of) => median(of)) as [number, number]
    const ratio = many / few
    lines.push(
      `${name}: ${Math.round(few)}/s with ${SMALL} waiting, ${Math.round(many)}/s with ${large}: ${ratio.toFixed(2)}x (at least ${BAR}x: ${ratio >= BAR ? 'yes' : 'no'})`,
    )
  }
  return `backlog, ${rounds} rounds each\n\n${lines.join('\n')}`
}
