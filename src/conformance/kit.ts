/** Runs the cases against a subject and says of each law what was shown: what ran, what an engine does not offer or keep. */
import { CASES } from './law/index.ts'
import { LAWS, unmet, type Case } from './case.ts'
import { Context, type ContextOptions } from './context.ts'
import type { Subject } from './subject.ts'

export interface Outcome {
  readonly law: string
  readonly name: string
  /** not-offered: the engine's capabilities lack what the case needs · deviation: the engine declares that it breaks the law. */
  readonly status: 'passed' | 'failed' | 'not-offered' | 'deviation'
  /** Why it failed or was not run. */
  readonly detail: string | null
  readonly error: unknown
}

export interface KitReport {
  readonly subject: string
  readonly outcomes: readonly Outcome[]
}

/** Runs one case on a storage of its own. Never throws: a failure is an outcome. */
export async function runCase(
  subject: Subject,
  each: Case,
  options: ContextOptions = { hints: 'deliver' },
): Promise<Outcome> {
  const storage = await subject.create()
  const context = new Context(storage, options)
  const { law, name } = each
  try {
    const { capabilities } = await context.open()
    const lacking = unmet(each, context.engine, storage)
    const deviation = capabilities.deviations.find((declared) => declared.law === law)
    if (deviation) return { law, name, status: 'deviation', detail: deviation.why, error: null }
    if (lacking.length > 0)
      return { law, name, status: 'not-offered', detail: `needs ${lacking.join(', ')}`, error: null }
    await each.run(context)
    return { law, name, status: 'passed', detail: null, error: null }
  } catch (error) {
    return { law, name, status: 'failed', detail: error instanceof Error ? error.message : String(error), error }
  } finally {
    await context.end()
  }
}

/** Runs all cases, or those given, one after the other. */
export async function runKit(
  subject: Subject,
  options: ContextOptions = { hints: 'deliver' },
  cases: readonly Case[] = CASES,
): Promise<KitReport> {
  const outcomes: Outcome[] = []
  for (const each of cases) outcomes.push(await runCase(subject, each, options))
  return { subject: subject.name, outcomes }
}

/** A table of laws and counts, then what did not pass and why. */
export function formatReport({ subject, outcomes }: KitReport): string {
  const statuses = ['passed', 'failed', 'not-offered', 'deviation'] as const
  const rows = LAWS.map((law) => {
    const ofLaw = outcomes.filter((outcome) => outcome.law === law)
    return [law, ...statuses.map((status) => String(ofLaw.filter((outcome) => outcome.status === status).length))]
  })
  const table = [[subject, ...statuses], ...rows]
  const lines = table.map(([law, ...counts]) => law!.padEnd(20) + counts.map((count) => count.padStart(12)).join(''))
  const rest = outcomes.filter(({ status }) => status !== 'passed')
  return [...lines, ...rest.map(({ law, name, status, detail }) => `${status} · ${law} · ${name}: ${detail}`)].join(
    '\n',
  )
}
