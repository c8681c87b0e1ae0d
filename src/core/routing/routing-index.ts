/**
 * Finds the subscriptions that can want an event, in time that does not grow with those that cannot. Each is kept under one thing that
 * its filters demand of every event, an exact attribute or the beginning or end of one, and there by its types; one that demands no
 * such thing is found by its types alone. What is found still has to pass the filters.
 */
import type { Filter } from '../filter.ts'
import type { EventAttributes } from '../message.ts'
import { TypeIndex } from './type-index.ts'

export interface Wishes {
  readonly types: readonly string[]
  readonly filters: readonly Filter[]
}

/** One of these holds for every event that passes. */
interface Demand {
  readonly dialect: 'exact' | 'prefix' | 'suffix'
  readonly attribute: string
  readonly text: string
}

interface Entry<T> {
  readonly item: T
  readonly wishes: Wishes
  readonly demands: readonly Demand[]
  /** The search that found it last: it is found once however many ways lead to it. */
  round: number
}

type Texts<T> = Map<string, TypeIndex<Entry<T>>>

/** Of one attribute, texts by how long they are: a value is looked up once for each length in use. Exact ones are of no length. */
interface Attribute<T> {
  readonly exact: Texts<T>
  readonly prefix: Map<number, Texts<T>>
  readonly suffix: Map<number, Texts<T>>
}

/** Branches of an `any` beyond this make a subscription that is found by its types alone. */
const MOST_DEMANDS = 64

export class RoutingIndex<T> {
  readonly #entries = new Map<T, Entry<T>>()
  readonly #byType = new TypeIndex<Entry<T>>()
  readonly #byAttribute = new Map<string, Attribute<T>>()
  #round = 0

  get size(): number {
    return this.#entries.size
  }

  add(item: T, wishes: Wishes): void {
    this.delete(item)
    const entry: Entry<T> = { item, wishes, demands: demandsOfAll(wishes.filters), round: 0 }
    this.#entries.set(item, entry)
    if (entry.demands.length === 0) this.#byType.add(wishes.types, entry)
    for (const demand of entry.demands) {
      const texts = this.#textsOf(demand)
      let types = texts.get(demand.text)
      if (types === undefined) texts.set(demand.text, (types = new TypeIndex()))
      types.add(wishes.types, entry)
    }
  }

  delete(item: T): void {
    const entry = this.#entries.get(item)
    if (entry === undefined) return
    this.#entries.delete(item)
    const { types } = entry.wishes
    if (entry.demands.length === 0) this.#byType.delete(types, entry)
    for (const demand of entry.demands) this.#forget(demand, entry)
  }

  /** Those whose types match and whose filters can pass, each once. */
  find(event: EventAttributes): readonly T[] {
    const found: T[] = []
    const round = ++this.#round
    const take = (entry: Entry<T>): void => {
      if (entry.round === round) return
      entry.round = round
      found.push(entry.item)
    }
    this.#byType.find(event.type, take)
    if (this.#byAttribute.size > 0) this.#findByAttribute(event, take)
    return found
  }

  #findByAttribute(event: EventAttributes, take: (entry: Entry<T>) => void): void {
    for (const name in event) {
      const attribute = this.#byAttribute.get(name)
      const value = event[name]
      if (attribute === undefined || value === undefined) continue
      const text = String(value)
      attribute.exact.get(text)?.find(event.type, take)
      for (const [length, texts] of attribute.prefix)
        if (length <= text.length) texts.get(text.slice(0, length))?.find(event.type, take)
      for (const [length, texts] of attribute.suffix)
        if (length <= text.length) texts.get(text.slice(text.length - length))?.find(event.type, take)
    }
  }

  #textsOf({ dialect, attribute: name, text }: Demand): Texts<T> {
    let attribute = this.#byAttribute.get(name)
    if (attribute === undefined)
      this.#byAttribute.set(name, (attribute = { exact: new Map(), prefix: new Map(), suffix: new Map() }))
    if (dialect === 'exact') return attribute.exact
    const lengths = attribute[dialect]
    let texts = lengths.get(text.length)
    if (texts === undefined) lengths.set(text.length, (texts = new Map()))
    return texts
  }

  #forget(demand: Demand, entry: Entry<T>): void {
    const { dialect, attribute: name, text } = demand
    const texts = this.#textsOf(demand)
    const types = texts.get(text)
    types?.delete(entry.wishes.types, entry)
    if (types?.isEmpty === true) texts.delete(text)
    const attribute = this.#byAttribute.get(name)!
    if (dialect !== 'exact' && texts.size === 0) attribute[dialect].delete(text.length)
    if (attribute.exact.size + attribute.prefix.size + attribute.suffix.size === 0) this.#byAttribute.delete(name)
  }
}

/** Of filters that must all pass, the demand that parts events best: an exact one if there is any, then the longest text; none: []. */
function demandsOfAll(filters: readonly Filter[]): readonly Demand[] {
  let best: readonly Demand[] = []
  for (const filter of filters) {
    const demands = demandsOf(filter)
    if (demands.length > 0 && (best.length === 0 || weightOf(demands) > weightOf(best))) best = demands
  }
  return best
}

/** What one of holds for every event that passes the filter; none: nothing of that kind. */
function demandsOf(filter: Filter): readonly Demand[] {
  if ('all' in filter) return demandsOfAll(filter.all)
  if ('any' in filter) {
    const branches = filter.any.map(demandsOf)
    const demands = branches.flat()
    return branches.some((branch) => branch.length === 0) || demands.length > MOST_DEMANDS ? [] : demands
  }
  for (const dialect of ['exact', 'prefix', 'suffix'] as const) {
    const wanted = (filter as { readonly [d in typeof dialect]?: Readonly<Record<string, string>> })[dialect]
    if (wanted === undefined) continue
    const all = Object.entries(wanted).map(([attribute, text]): readonly Demand[] => [{ dialect, attribute, text }])
    return all.reduce((best, demands) => (weightOf(demands) > weightOf(best) ? demands : best))
  }
  return []
}

const EXACT = 1_000_000

/** The worst of them counts: an event may be found by any. */
function weightOf(demands: readonly Demand[]): number {
  return Math.min(...demands.map(({ dialect, text }) => (dialect === 'exact' ? EXACT : 0) + text.length))
}
