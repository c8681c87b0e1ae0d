/**
 * A topic's subscriptions, as a unit of work has them: what this process knows of them, under what has changed since and what it changes itself.
 * Only those that an event concerns are looked at.
 */
import { compileFilters, compileTypes } from '../../../core/filter.ts'
import type { EventAttributes } from '../../../core/message.ts'
import type { Bound, Subscriptions } from '../row/row.ts'
import type { Subscription } from '../../../core/settings.ts'
import type { KnownSubscriptions } from './known-topics.ts'
import type { Undo } from './undo.ts'

const compiled = new WeakMap<Subscription, (event: EventAttributes) => boolean>()

/** Whether the subscription is for such events. */
export function wants({ definition }: Bound, event: EventAttributes): boolean {
  let test = compiled.get(definition)
  if (test === undefined) {
    const [types, filters] = [compileTypes(definition.types), compileFilters(definition.filters)]
    test = (each) => types(each.type) && filters(each)
    compiled.set(definition, test)
  }
  return test(event)
}

export class BoundSubscriptions implements Subscriptions {
  readonly #undo: Undo
  readonly #known: KnownSubscriptions | null
  /** By name: in hand, where they can be changed. null: it has ended. */
  readonly #own = new Map<string, Bound | null>()

  /** @param later what has changed since the others were known */
  constructor(undo: Undo, known: KnownSubscriptions | null, later: readonly Bound[] = []) {
    this.#undo = undo
    this.#known = known
    for (const bound of later) this.#own.set(bound.name, { ...bound })
  }

  find(name: string): Bound | null {
    const own = this.#own.get(name)
    if (own !== undefined) return own
    const known = this.#known?.find(name)
    return known === undefined ? null : this.#take(known)
  }

  wanting(event: EventAttributes): readonly Bound[] {
    const own = this.#inHand().filter((bound) => wants(bound, event))
    const known = (this.#known?.wanting(event) ?? []).filter((bound) => !this.#own.has(bound.name))
    const taken = known.filter((bound) => wants(bound, event)).map((bound) => this.#take(bound))
    return [...own, ...taken].sort((one, other) => one.number - other.number)
  }

  lagging(): readonly Bound[] {
    for (const bound of this.#known?.lagging ?? []) if (!this.#own.has(bound.name)) this.#take(bound)
    const own = this.#inHand().filter(({ status }) => status !== 'live')
    return own.sort((one, other) => one.number - other.number)
  }

  changed(): readonly Bound[] {
    return this.#inHand().filter(({ isDirty }) => isDirty)
  }

  add(bound: Bound): void {
    this.#undo.put(this.#own, bound.name, bound)
  }

  remove(bound: Bound): void {
    this.#undo.put(this.#own, bound.name, null)
  }

  #inHand(): Bound[] {
    return [...this.#own.values()].filter((bound) => bound !== null)
  }

  /** What is known is others' as well. */
  #take(bound: Bound): Bound {
    const own = { ...bound }
    this.#own.set(bound.name, own)
    return own
  }
}
