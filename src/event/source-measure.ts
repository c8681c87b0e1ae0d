/** What sources tell of themselves in numbers: those that a worker forwards or mounts, one line for each name. */
import type { Measure } from '../core/measure.ts'
import type { SourceDefinition } from './contract.ts'
import type { HubCounts } from './listen/hub.ts'

type Name = keyof HubCounts

const FAMILIES: readonly {
  readonly of: Name
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge'
  readonly per?: number
}[] = [
  { of: 'told', name: 'posthorn_source_events_total', help: 'Events that a source told.', kind: 'counter' },
  {
    of: 'refused',
    name: 'posthorn_source_refused_total',
    help: 'What came to a source and was not taken: not to be believed, not what it should be, or no room for it.',
    kind: 'counter',
  },
  {
    of: 'published',
    name: 'posthorn_source_published_total',
    help: 'Events of a source that a forward made durable.',
    kind: 'counter',
  },
  {
    of: 'unpublished',
    name: 'posthorn_source_unpublished_total',
    help: 'Events of a source that a forward could not make durable.',
    kind: 'counter',
  },
  {
    of: 'handled',
    name: 'posthorn_source_handled_total',
    help: 'Events that listeners in the process handled.',
    kind: 'counter',
  },
  {
    of: 'failed',
    name: 'posthorn_source_listener_errors_total',
    help: 'Events of which a listener in the process failed.',
    kind: 'counter',
  },
  {
    of: 'waiting',
    name: 'posthorn_source_waiting',
    help: 'Events that wait for a listener or a forward.',
    kind: 'gauge',
  },
  {
    of: 'forwardLagMs',
    name: 'posthorn_source_forward_lag_seconds',
    help: 'How long the oldest event that is to be durable has waited to be.',
    kind: 'gauge',
    per: 1_000,
  },
]

export class SourceMeasures {
  readonly #users = new Map<SourceDefinition['hub'], { readonly name: string; users: number }>()

  /** Disposing takes it away again. */
  add({ hub, name }: SourceDefinition): Disposable {
    const entry = this.#users.get(hub) ?? { name, users: 0 }
    entry.users++
    this.#users.set(hub, entry)
    let isIn = true
    return {
      [Symbol.dispose]: () => {
        if (isIn && --entry.users === 0) this.#users.delete(hub)
        isIn = false
      },
    }
  }

  measure(): readonly Measure[] {
    const byName = Map.groupBy(this.#users, ([, { name }]) => name)
    return [...byName].flatMap(([source, alike]) => {
      const counts = alike.map(([hub]) => hub.counts)
      return FAMILIES.map(({ of, name, help, kind, per = 1 }): Measure => {
        const values = counts.map((each) => each[of])
        const value = of === 'forwardLagMs' ? Math.max(...values) : values.reduce((sum, each) => sum + each, 0)
        return { name, help, kind, labels: { source }, value: value / per }
      })
    })
  }
}
