/** Apps and their keys as the HTTP API answers them, and a new key as it is shown to people. */
import { encodeHeader } from '../../core/cloud-event/header.ts'
import type { Clock } from '../../core/clock.ts'
import { formatMoment } from '../format.ts'
import type { Session } from '../session.ts'

export interface KeyView {
  readonly id: string
  readonly note: string | null
  readonly scopes: readonly string[] | null
  /** RFC 3339. */
  readonly createdAt: string
  readonly expiresAt: string | null
}

export interface NewKeyView extends KeyView {
  readonly key: string
}

export interface AppView {
  readonly name: string
  readonly title: string | null
  readonly scopes: readonly string[]
  readonly quotas: Readonly<Record<string, number>>
  readonly maxPriority: number
  readonly source: string
  readonly callbackOrigins: readonly string[]
  readonly paused: boolean
  readonly deleting: boolean
  readonly createdAt: string
  readonly keys: readonly KeyView[]
  readonly usage?: Readonly<Record<string, number>>
}

const SOON_MS = 7 * 86_400_000

export const appPath = (app: string, ...rest: readonly string[]): string =>
  ['/v1/apps', encodeURIComponent(app), ...rest.map(encodeURIComponent)].join('/')

export function stateOfKey({ expiresAt }: KeyView, clock: Clock): 'valid' | 'soon' | 'expired' {
  if (expiresAt === null) return 'valid'
  const leftMs = Date.parse(expiresAt) - clock.wallMs()
  return leftMs <= 0 ? 'expired' : leftMs < SOON_MS ? 'soon' : 'valid'
}

/** The key alone goes to standard output, so that it can be piped to where it is kept. */
export function sayKey({ terminal, clock }: Session, { key, id, expiresAt }: NewKeyView): void {
  const until = expiresAt === null ? '' : `, good until ${formatMoment(Date.parse(expiresAt), clock.wallMs())}`
  terminal.err(`key ${id}${until}. It is shown this once; Posthorn keeps its hash alone:`)
  terminal.out(key)
}

/** An option that may be given more than once. */
export const repeat = (value: string, all: readonly string[] = []): readonly string[] => [...all, value]

/** Who asks, for the audit log: the user of this machine, where it has a name. */
export function byOf({ env }: Session): Readonly<Record<string, string | undefined>> {
  const user = env['USER'] || env['LOGNAME'] || env['USERNAME']
  return { 'posthorn-by': user === undefined ? undefined : encodeHeader(user.slice(0, 200)) }
}
