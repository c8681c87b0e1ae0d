// What each app got: how much, how late, how fast, how reliably; and whether it was exactly what it asked for.

import { styleText } from 'node:util'
import type { App } from './app.ts'
import { formatTable, type Row } from './table.ts'

/** What an app asked for, and when it was on its way to the platform. Some contents come more than once. */
export type Asked = { readonly content: string; readonly atMs: number }[]

export const isExact = ({ taken }: App, asked: Asked): boolean =>
  JSON.stringify(taken.map(({ content }) => content).sort()) ===
  JSON.stringify(asked.map(({ content }) => content).sort())

export function formatFanOut(count: number, apps: readonly App[], asked: readonly Asked[]): string {
  const holds = apps.every((app, at) => app.refused === 0 && isExact(app, asked[at]!))
  return `${count} GitHub events were taken in, each answered when it was durable. What each app got of them:

${formatTable(apps.map((app, at) => rowOf(app, asked[at]!)))}

${styleText(
  'dim',
  `  delay        from GitHub's call to the app's acknowledgement; of the flaky one's, attempts that failed included
  events/s     from the app's first event to its last
  calls        what an app failed is called again, so that no event is lost
  refused      by the app, because the signature did not fit: none, also while a secret was rotated
  reliability  calls that succeeded, of all calls`,
)}

  ${holds ? styleText('green', '✓') : styleText('red', '✗')} each app got exactly the events that it asked for
`
}

function rowOf(app: App, asked: Asked): Row {
  const { plan, taken, calls, refused } = app
  const sentAt = Map.groupBy(asked, ({ content }) => content)
  const delays = taken
    .map(({ content, atMs }) => atMs - (sentAt.get(content)?.shift()?.atMs ?? atMs))
    .sort((a, b) => a - b)
  const quantile = (q: number): string => `${Math.round(delays[Math.floor((delays.length - 1) * q)] ?? 0)} ms`
  const seconds = ((taken.at(-1)?.atMs ?? 0) - (taken[0]?.atMs ?? 0)) / 1_000
  return {
    'app': plan.name,
    'profile': plan.profile,
    'asked for': asked.length,
    'got': taken.length,
    'exactly those': isExact(app, asked) ? 'yes' : 'NO',
    'delay p50': quantile(0.5),
    'p99': quantile(0.99),
    'events/s': seconds > 0 ? Math.round(taken.length / seconds) : 0,
    'calls': calls,
    'refused': refused,
    'reliability': `${Math.round((taken.length / Math.max(1, calls)) * 1_000) / 10} %`,
  }
}
