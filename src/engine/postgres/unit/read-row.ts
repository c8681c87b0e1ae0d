/** Rows as the driver gives them, as what a unit of work has in hand. */
import type { StoredFailure } from '../../../core/message.ts'
import type { QueueSettings, Retention, Subscription } from '../../../core/settings.ts'
import type { Columns } from '../connection/driver.ts'
import {
  fromColumn,
  type Bound,
  type Queue,
  type Record,
  type Row,
  type Subscriptions,
  type Topic,
} from '../row/row.ts'

export function toQueue(columns: Columns): Queue {
  return {
    number: columns.queue as number,
    name: columns.name as string,
    settings: JSON.parse(columns.settings as string) as QueueSettings,
    isUnbound: columns.is_unbound as boolean,
    lineBy: columns.line_order as Subscription['order'],
    isLagging: columns.is_lagging as boolean,
    usedAt: columns.used_at as number,
    houseAt: columns.house_at as number | null,
    isNew: false,
    isGone: false,
    isDirty: false,
    tally: { living: 0, bytes: 0, acked: 0, expired: 0, cancelled: 0, discarded: 0 },
    counted: null,
    keeps: { dead: 0, ended: 0 },
    kept: null,
    isFuller: false,
  }
}

export function toRow(columns: Columns, queue: Queue, origin: 'message' | 'past'): Row {
  return {
    queue,
    id: columns.id as string,
    origin,
    isGone: false,
    isDirty: false,
    seq: columns.seq as number,
    state: columns.state as number,
    rank: columns.rank as number,
    place: columns.place as number | null,
    line: columns.line === null ? null : fromColumn(columns.line as string),
    lineSeq: columns.line_seq as number | null,
    lease: columns.lease as number | null,
    holder: columns.holder as number | null,
    until: columns.until as number | null,
    due: columns.due as number | null,
    isWallDue: columns.is_wall_due as boolean,
    expires: columns.expires as number | null,
    isWallExpires: columns.is_wall_expires as boolean,
    acquired: columns.acquired as number,
    failed: columns.failed as number,
    released: columns.released as number,
    isCancelled: columns.is_cancelled as boolean,
    sentAt: columns.sent_at as number,
    endedAt: columns.ended_at as number | null,
    turn: columns.turn as number | null,
    reason: columns.reason === null ? null : fromColumn(columns.reason as string),
    failures: columns.failures === null ? [] : (JSON.parse(columns.failures as string) as StoredFailure[]),
    size: columns.size as number,
    report: columns.report as string | null,
    attrs: columns.attrs as string,
    body: null,
    shared: null,
  }
}

export function toRecords(rows: readonly Columns[]): Record[] {
  return rows.map((columns) => ({
    key: columns.key as string,
    version: columns.version as number,
    expires: columns.expires as number | null,
    value: columns.value as Uint8Array,
    aliases: JSON.parse(columns.aliases as string) as string[],
    isThere: true,
    isStored: true,
    isDirty: false,
  }))
}

export function toTopic(name: string, columns: Columns | undefined, subscriptions: Subscriptions): Topic {
  return {
    name,
    retention: columns === undefined ? null : (JSON.parse(columns.retention as string) as Retention),
    events: (columns?.events as number | undefined) ?? 0,
    houseAt: (columns?.house_at as number | null | undefined) ?? null,
    isStored: columns !== undefined,
    isDirty: false,
    fresh: [],
    forgotten: 0,
    subscriptions,
  }
}

export function toBound(columns: Columns): Bound {
  return {
    topic: columns.topic as string,
    name: columns.name as string,
    number: columns.number as number,
    version: columns.version as number,
    definition: JSON.parse(columns.definition as string) as Subscription,
    status: columns.status as Bound['status'],
    cursor: columns.cursor as number | null,
    hasGap: columns.has_gap as boolean,
    gaps: JSON.parse(columns.gaps as string) as Bound['gaps'],
    isStored: true,
    isGone: false,
    isDirty: false,
  }
}
