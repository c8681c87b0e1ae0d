/**
 * The audit log: who changed what of apps. Each act is an event of the retained topic `system:audit`, published by the very commit that does
 * it, so that there is no act without its entry and no entry without its act. Posthorn alone publishes there; anybody with the platform's
 * key may read it and subscribe to it.
 */
import type { Clock } from '../core/clock.ts'
import type { Change, Engine } from '../core/engine.ts'
import type { Ids } from '../core/id.ts'
import { toJsonBytes } from '../core/json.ts'
import { DEFAULT_PRIORITY } from '../core/message.ts'
import { AUDIT_TOPIC } from '../core/name.ts'
import { topicKey, type Retention } from '../core/settings.ts'

export type AuditAct =
  | 'app.created'
  | 'app.changed'
  | 'app.paused'
  | 'app.resumed'
  | 'app.deleted'
  | 'app.key.added'
  | 'app.key.rotated'
  | 'app.key.revoked'

export interface AuditDeps {
  readonly engine: Pick<Engine, 'get'>
  readonly clock: Clock
  readonly ids: Ids
  readonly source: string
}

export interface Act {
  readonly act: AuditAct
  /** The app that it is about. */
  readonly app: string
  /** Who did it. */
  readonly by: string
  /** What is changed; never a secret. */
  readonly facts: Readonly<Record<string, unknown>>
}

/** The last 100,000 acts, however old. */
const RETENTION: Retention = { ms: null, count: 100_000 }

/** The changes that write an act down, for the commit that does it. */
export async function auditChanges({ engine, clock, ids, source }: AuditDeps, entry: Act): Promise<readonly Change[]> {
  const { act, app, by, facts } = entry
  const id = ids.uuid()
  const [kept = null] = await engine.get([topicKey(AUDIT_TOPIC)])
  return [
    ...(kept === null ? [{ do: 'retain', topic: AUDIT_TOPIC, retention: RETENTION } as const] : []),
    {
      do: 'publish',
      topic: AUDIT_TOPIC,
      message: {
        id,
        event: {
          id,
          source,
          type: `posthorn.${act}`,
          subject: app,
          time: new Date(clock.wallMs()).toISOString(),
          datacontenttype: 'application/json',
        },
        body: toJsonBytes({ app, by, ...facts }),
        priority: DEFAULT_PRIORITY,
      },
    },
  ]
}
