/** Endpoints and their attempts as tables. */
import { formatCount, formatSpan } from './format.ts'
import type { Session } from './session.ts'
import type { Column } from './table.ts'

export interface EndpointView {
  readonly id: string
  readonly url: string
  readonly profile: unknown
  readonly status: string
  readonly disabled: { readonly reason: string } | null
  readonly lag: number
  readonly dead: number
  readonly waitingSince: string | null
  readonly subscriptions: readonly { readonly topic: string; readonly types: readonly string[] }[]
}

export interface AttemptView {
  readonly message: string
  readonly type: string
  readonly attempt: number
  readonly at: string
  readonly durationMs: number
  readonly outcome: string
  readonly status: number | null
  readonly error: string | null
}

export function columns({ terminal, clock }: Session): readonly Column<EndpointView>[] {
  const zero = terminal.style('dim', '0')
  return [
    { head: 'endpoint', cell: ({ id }) => id },
    {
      head: 'status',
      cell: ({ status, disabled }) =>
        status === 'active'
          ? status
          : terminal.style(
              status === 'failing' ? 'yellow' : 'red',
              disabled === null ? status : `disabled (${disabled.reason})`,
            ),
    },
    { head: 'waiting', align: 'right', cell: ({ lag }) => (lag === 0 ? zero : formatCount(lag)) },
    {
      head: 'dead',
      align: 'right',
      cell: ({ dead }) => (dead === 0 ? zero : terminal.style('red', formatCount(dead))),
    },
    {
      head: 'oldest ready',
      align: 'right',
      cell: ({ waitingSince }) =>
        waitingSince === null
          ? terminal.style('dim', '-')
          : formatSpan(Math.max(0, clock.wallMs() - Date.parse(waitingSince))),
    },
    { head: 'profile', cell: ({ profile }) => (typeof profile === 'string' ? profile : 'custom') },
    { head: 'url', cell: ({ url }) => url },
    {
      head: 'gets',
      cell: ({ subscriptions }) =>
        subscriptions.map(({ topic, types }) => `${topic}:${types.length === 0 ? '**' : types.join(',')}`).join(' '),
    },
  ]
}

export function attemptColumns({ terminal }: Session): readonly Column<AttemptView>[] {
  return [
    { head: 'at', cell: ({ at }) => at },
    { head: 'event', cell: ({ message }) => message },
    { head: 'type', cell: ({ type }) => type },
    { head: 'attempt', align: 'right', cell: ({ attempt }) => String(attempt) },
    {
      head: 'outcome',
      cell: ({ outcome }) =>
        terminal.style(outcome === 'delivered' ? 'green' : outcome === 'dead' ? 'red' : 'yellow', outcome),
    },
    {
      head: 'status',
      align: 'right',
      cell: ({ status }) => (status === null ? terminal.style('dim', '-') : String(status)),
    },
    { head: 'ms', align: 'right', cell: ({ durationMs }) => String(Math.round(durationMs)) },
    { head: 'why', cell: ({ error }) => (error ?? '').slice(0, 120) },
  ]
}
