// What each engine offers, as docs/reference/engines.md says it: its capabilities as it tells them itself, and of each law how many cases of the
// kit it can be asked. That it passes them is what the tests beside this one show: a case that fails there fails the run.

import { CASES, LAWS, type Case, type Storage, type Subject } from '../../src/conformance/index.ts'
import { unmet } from '../../src/conformance/case.ts'
import { ManualClock } from '../../src/core/clock.ts'
import type { Capabilities, Engine } from '../../src/core/engine.ts'

export interface Column {
  /** As in a URL. */
  readonly title: string
  readonly subject: Subject
}

interface Offer {
  readonly title: string
  readonly capabilities: Capabilities
  readonly hasTrail: boolean
  /** Of each case what it lacks; none: the case is run. */
  readonly lacking: ReadonlyMap<Case, readonly string[]>
}

const ROWS: readonly (readonly [what: string, of: (offer: Offer) => string])[] = [
  ['A receipt reaches', ({ capabilities }) => capabilities.durability.map((level) => `\`${level}\``).join(', ')],
  ['All or nothing over', ({ capabilities }) => WORDS[capabilities.atomic]],
  ['Who may have it open', ({ capabilities }) => WORDS[capabilities.processes]],
  ['Durations run on', ({ capabilities }) => WORDS[capabilities.clock]],
  ['Your own transaction joins', ({ capabilities }) => yes(capabilities.join)],
  ['Topics keep events', ({ capabilities }) => yes(capabilities.retained)],
  ['Queues pick by', ({ capabilities }) => capabilities.pick.map((each) => `\`${each}\``).join(', ')],
  ['Fair shares of groups', ({ capabilities }) => yes(capabilities.fair)],
  ['A limit may be overshot by', ({ capabilities }) => String(capabilities.limitSlack)],
  ['Changes of a commit', ({ capabilities }) => `at most ${count(capabilities.maxChanges)}`],
  ['Bytes of a body', ({ capabilities }) => `at most ${count(capabilities.maxBodyBytes)}`],
  ['What happens can be followed (`posthorn tail`)', ({ hasTrail }) => yes(hasTrail)],
  [
    'Laws it does not keep',
    ({ capabilities }) => capabilities.deviations.map(({ law }) => `*${law}*`).join(', ') || 'none',
  ],
]

const WORDS = {
  commit: 'a commit',
  queue: 'a queue',
  none: 'nothing',
  one: 'one process',
  machine: 'processes of one machine',
  many: 'processes of many machines',
  monotonic: "the machine's monotonic clock",
  server: "the database's clock",
} as const

const yes = (is: boolean): string => (is ? 'yes' : 'no')
const count = (number: number): string => number.toLocaleString('en-US')

/** Tables by the names under which the document has them. */
export async function tablesOfEngines(
  columns: readonly Column[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  const offers: Offer[] = []
  for (const column of columns) offers.push(await offerOf(column))
  const head = (first: string): string[] => [
    row([first, ...offers.map(({ title }) => `\`${title}\``)]),
    row(['---', ...offers.map(() => '---')]),
  ]
  return {
    'capabilities': [...head(''), ...ROWS.map(([what, of]) => row([what, ...offers.map(of)]))],
    'laws': [
      ...head('Law'),
      ...LAWS.map((law) =>
        row([
          `[*${law}*](laws.md#${law})`,
          ...offers.map((offer) =>
            shareOf(
              offer,
              CASES.filter((each) => each.law === law),
            ),
          ),
        ]),
      ),
      row(['**together**', ...offers.map((offer) => `**${shareOf(offer, CASES)}**`)]),
    ],
    'not offered': [...head('Needs'), ...rowsOfNeeds(offers)],
  }
}

function shareOf({ lacking }: Offer, cases: readonly Case[]): string {
  const offered = cases.filter((each) => lacking.get(each)!.length === 0).length
  return offered === cases.length ? `${cases.length}` : `${offered} of ${cases.length}`
}

function rowsOfNeeds(offers: readonly Offer[]): string[] {
  const needs = [...new Set(offers.flatMap(({ lacking }) => [...lacking.values()].flat()))].sort()
  const cases = (offer: Offer, need: string): string => {
    const number = [...offer.lacking.values()].filter((lacks) => lacks.includes(need)).length
    return number === 0 ? '' : `${number} cases`
  }
  return needs.map((need) => row([`\`${need}\``, ...offers.map((offer) => cases(offer, need))]))
}

async function offerOf({ title, subject }: Column): Promise<Offer> {
  const storage = await subject.create()
  const engine = await storage.open({ clock: new ManualClock() })
  try {
    const hasTrail = engine.follow !== undefined
    return { title, capabilities: engine.capabilities, hasTrail, lacking: lackingOf(engine, storage) }
  } finally {
    await engine.close()
    await storage.remove?.()
  }
}

const lackingOf = (engine: Engine, storage: Storage): Offer['lacking'] =>
  new Map(CASES.map((each) => [each, unmet(each, engine, storage)]))

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
