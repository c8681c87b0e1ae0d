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
  /** Those in hand that are not as they are known. All others are found through what is known, however many are in hand. */
  readonly #changed = new Set<string>()
  /** Those of them that are for other events than it is known, or not known at all. */
  readonly #redefined = new Set<string>()

  /** @param later what has changed since the others were known */
  constructor(undo: Undo, known: KnownSubscriptions | null, later: readonly Bound[] = []) {
    this.#undo = undo
    this.#known = known
    for (const bound of later) {
      this.#take(bound)
      this.#changed.add(bound.name)
      this.#redefined.add(bound.name)
    }
  }

  find(name: string): Bound | null {
    const own = this.#own.get(name)
    if (own !== undefined) return own
    const known = this.#known?.find(name)
    return known === undefined ? null : this.#take(known)
  }

  wanting(event: EventAttributes): readonly Bound[] {
    const known = (this.#known?.wanting(event) ?? []).filter(
      (bound) => !this.#redefined.has(bound.name) && wants(bound, event),
    )
    const redefined = this.#inHand(this.#redefined).filter((bound) => wants(bound, event))
    return [...this.#taken(known), ...redefined].sort(byAge)
  }

  lagging(): readonly Bound[] {
    const known = [...(this.#known?.lagging ?? [])].filter(({ name }) => !this.#changed.has(name))
    const changed = this.#inHand(this.#changed).filter(({ status }) => status !== 'live')
    return [...this.#taken(known), ...changed].sort(byAge)
  }

  changed(): readonly Bound[] {
    return this.#inHand(this.#changed).filter(({ isDirty }) => isDirty)
  }

  change(bound: Bound, patch: Partial<Bound>): void {
    this.#undo.add(this.#changed, bound.name)
    if (patch.definition !== undefined) this.#undo.add(this.#redefined, bound.name)
    this.#undo.set(bound, patch)
  }

  add(bound: Bound): void {
    this.#undo.put(this.#own, bound.name, bound)
    this.#undo.add(this.#changed, bound.name)
    this.#undo.add(this.#redefined, bound.name)
  }

  remove(bound: Bound): void {
    this.#undo.put(this.#own, bound.name, null)
  }

  #inHand(names: Iterable<string>): Bound[] {
    return [...names].map((name) => this.#own.get(name)!).filter((bound) => bound !== null)
  }

  /** In hand, but for those that have ended. */
  #taken(known: readonly Bound[]): Bound[] {
    return known.flatMap((bound) => {
      const own = this.#own.get(bound.name)
      return own === undefined ? this.#take(bound) : (own ?? [])
    })
  }

  /** What is known is others' as well. */
  #take(bound: Bound): Bound {
    const own = { ...bound }
    this.#own.set(bound.name, own)
    return own
  }
}

const byAge = (one: Bound, other: Bound): number => one.number - other.number
