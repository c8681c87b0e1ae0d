/**
 * What becomes of an endpoint as a whole: it fails, it is disabled, it is back. Written once however many processes deliver to it, and told
 * on the topic of operational events by the same commit.
 */
import type { Change } from '../../core/engine.ts'
import { toJsonBytes } from '../../core/json.ts'
import { DEFAULT_PRIORITY } from '../../core/message.ts'
import { EVENTS_TOPIC } from '../../core/name.ts'
import type { EndpointNotice } from '../../topic/index.ts'
import type { StoredEndpoint } from '../endpoint/endpoint.ts'
import type { Changed, EndpointStore, StoreDeps } from '../endpoint/store.ts'

export interface TurnDeps extends StoreDeps {
  readonly store: EndpointStore
  readonly source: string
  /** How long an endpoint may fail before it is disabled. */
  readonly failingMs: number
}

type Turn = 'gone' | 'opened' | 'failed' | 'recovered' | 'delivered'

/** @param url that was called: that nobody is there says nothing of where the endpoint is by now */
export async function noteTurn(deps: TurnDeps, id: string, what: Turn, url: string): Promise<void> {
  await deps.store.change(id, (endpoint) =>
    what === 'gone' && endpoint.url !== url ? null : turned(deps, endpoint, what),
  )
}

function turned(deps: TurnDeps, endpoint: StoredEndpoint, what: Turn): Changed | null {
  const now = deps.clock.wallMs()
  const { failingSince, disabled } = endpoint
  if (what === 'recovered' || what === 'delivered') {
    if (failingSince === null) return null
    const more = [eventOf(deps, 'posthorn.endpoint.recovered', endpoint, { since: failingSince, reason: null })]
    return { endpoint: { ...endpoint, failingSince: null }, more }
  }
  if (disabled !== null) return null
  if (what === 'gone' || (failingSince !== null && now - failingSince >= deps.failingMs)) {
    const reason = what === 'gone' ? 'gone' : 'failing'
    const more = [eventOf(deps, 'posthorn.endpoint.disabled', endpoint, { since: failingSince ?? now, reason })]
    return { endpoint: { ...endpoint, disabled: { reason, at: now } }, more }
  }
  if (failingSince !== null) return null
  const more = [eventOf(deps, 'posthorn.endpoint.failing', endpoint, { since: now, reason: null })]
  return { endpoint: { ...endpoint, failingSince: now }, more }
}

function eventOf(
  { ids, clock, source }: TurnDeps,
  type: string,
  { id: endpoint, app, url }: StoredEndpoint,
  more: Pick<EndpointNotice, 'since' | 'reason'>,
): Change {
  const id = ids.uuid()
  const at = clock.wallMs()
  const { origin } = new URL(url)
  const notice: EndpointNotice = { endpoint, app, origin, at, ...more }
  return {
    do: 'publish',
    topic: EVENTS_TOPIC,
    message: {
      id,
      event: {
        id,
        source,
        type,
        subject: endpoint,
        time: new Date(at).toISOString(),
        datacontenttype: 'application/json',
      },
      body: toJsonBytes(notice),
      priority: DEFAULT_PRIORITY,
    },
  }
}
