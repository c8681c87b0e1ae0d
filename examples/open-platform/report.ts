// The table at the end: what happened, how long it took, and what was checked.

import { styleText } from 'node:util'
import type { Check } from './check.ts'
import type { Received, Sent } from './run-folder.ts'

export interface Result {
  readonly sent: readonly Sent[]
  readonly received: readonly Received[]
  readonly dead: readonly { readonly reason: string; readonly failure: string }[]
  readonly checks: readonly Check[]
  readonly rate: number
}

export function formatReport({ sent, received, dead, checks, rate }: Result): string {
  const ids = new Set(sent.map(({ operation }) => operation))
  const ended = [
    ...new Map(received.filter(({ operation }) => ids.has(operation)).map((one) => [one.operation, one])).values(),
  ]
  const succeeded = ended.filter(({ status }) => status === 'succeeded')
  const retried = ended.filter(({ status, attempts }) => status === 'succeeded' && attempts > 1)
  const receive = ended.flatMap(({ createdAt, startedAt }) =>
    startedAt === null ? [] : [Date.parse(startedAt) - Date.parse(createdAt)],
  )
  const process = ended.flatMap(({ startedAt, endedAt }) =>
    startedAt === null ? [] : [Date.parse(endedAt) - Date.parse(startedAt)],
  )
  return [
    '',
    `  ${[count('sent', sent), count('done', succeeded), count('dead', dead)].join('     ')}`,
    ...dead.map(({ reason, failure }) =>
      dim(`  dead: ${reason}, ${failure.length > 80 ? `${failure.slice(0, 79)}…` : failure}`),
    ),
    '',
    dim(`  ${'delay'.padEnd(14)}${'p50'.padStart(9)}${'p99'.padStart(12)}`),
    delay(
      'send',
      sent.map(({ sendMs }) => sendMs),
      'from the call until it is durable',
    ),
    delay('receive', receive, 'until its handler starts: in line for its repository, retries included'),
    delay('process', process, 'the handler, until its outcome is durable'),
    '',
    `  ${'throughput'.padEnd(14)}${`${perSecond(ended).toFixed(1)}/s`.padStart(9)}   ${dim(`at ${rate}/s sent`)}`,
    `  ${'reliability'.padEnd(14)}${`${((100 * succeeded.length) / Math.max(1, ended.length)).toFixed(2)} %`.padStart(9)}   ${dim(`${succeeded.length} of ${ended.length} succeeded, ${retried.length} of them after a retry`)}`,
    '',
    ...checks.map(
      ({ claim, found, holds }) =>
        `  ${holds ? styleText('green', '✓') : styleText('red', '✗')} ${claim.padEnd(44)} ${dim(found)}`,
    ),
    '',
  ].join('\n')
}

const dim = (text: string): string => styleText('dim', text)

const count = (name: string, all: readonly unknown[]): string => `${dim(name)} ${styleText('bold', String(all.length))}`

function delay(name: string, samples: readonly number[], meaning: string): string {
  const sorted = samples.toSorted((one, other) => one - other)
  return `  ${name.padEnd(14)}${span(at(sorted, 0.5)).padStart(9)}${span(at(sorted, 0.99)).padStart(12)}   ${dim(meaning)}`
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

function span(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`
  return ms === 0 ? '< 1 ms' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}

function perSecond(ended: readonly Received[]): number {
  const first = Math.min(...ended.map(({ createdAt }) => Date.parse(createdAt)))
  const last = Math.max(...ended.map(({ endedAt }) => Date.parse(endedAt)))
  return ended.length === 0 ? 0 : (1000 * ended.length) / Math.max(1, last - first)
}
