/** Families of counters and histograms by label, and their text for Prometheus (exposition format 0.0.4). */
import { Histogram } from '../core/histogram.ts'
import type { Measure } from '../core/measure.ts'

export type Labels = Readonly<Record<string, string>>

/** Upper bounds of buckets in seconds: a network round trip to half an hour. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]

/** A counter under one set of labels. */
export interface Count {
  value: number
}

export class Counter {
  readonly #name: string
  readonly #help: string
  readonly #values = new Map<string, Count>()

  constructor(name: string, help: string) {
    this.#name = name
    this.#help = help
  }

  /** To be kept by who counts often: labels are made into text with every call of this. */
  at(labels: Labels): Count {
    const key = format(labels)
    let count = this.#values.get(key)
    if (count === undefined) this.#values.set(key, (count = { value: 0 }))
    return count
  }

  add(labels: Labels, times = 1): void {
    this.at(labels).value += times
  }

  render(): string {
    return (
      head(this.#name, this.#help, 'counter') +
      [...this.#values].map(([labels, { value }]) => `${this.#name}${braces(labels)} ${value}\n`).join('')
    )
  }
}

export class Distribution {
  readonly #name: string
  readonly #help: string
  readonly #values = new Map<string, Histogram>()

  constructor(name: string, help: string) {
    this.#name = name
    this.#help = help
  }

  /** As a counter's. */
  at(labels: Labels): Histogram {
    const key = format(labels)
    let histogram = this.#values.get(key)
    if (histogram === undefined) this.#values.set(key, (histogram = new Histogram()))
    return histogram
  }

  record(labels: Labels, ms: number, times = 1): void {
    this.at(labels).record(ms, times)
  }

  /** For people: what was recorded under these labels. */
  of(labels: Labels): Histogram | undefined {
    return this.#values.get(format(labels))
  }

  render(): string {
    let text = head(this.#name, this.#help, 'histogram')
    for (const [labels, histogram] of this.#values) {
      const more = labels === '' ? '' : `${labels},`
      for (const bound of BOUNDS)
        text += `${this.#name}_bucket{${more}le="${bound}"} ${histogram.countUpTo(bound * 1_000)}\n`
      text += `${this.#name}_bucket{${more}le="+Inf"} ${histogram.count}\n`
      text += `${this.#name}_sum${braces(labels)} ${histogram.sum / 1_000}\n${this.#name}_count${braces(labels)} ${histogram.count}\n`
    }
    return text
  }
}

/** Values that are read when they are asked for. */
export function renderGauge(
  name: string,
  help: string,
  values: Iterable<readonly [Labels, number]>,
  type: 'gauge' | 'counter' = 'gauge',
): string {
  return (
    head(name, help, type) +
    [...values].map(([labels, value]) => `${name}${braces(format(labels))} ${value}\n`).join('')
  )
}

/** What a part tells of itself: measures of one name stand together, as the format wants. */
export function renderMeasures(measures: readonly Measure[]): string {
  let text = ''
  for (const [name, alike] of Map.groupBy(measures, (measure) => measure.name)) {
    text += head(name, alike[0]!.help, alike[0]!.kind)
    for (const measure of alike) text += renderMeasure(measure)
  }
  return text
}

function renderMeasure(measure: Measure): string {
  const { name } = measure
  const labels = format(measure.labels ?? {})
  if (measure.kind !== 'histogram') return `${name}${braces(labels)} ${measure.value}\n`
  const { values, per, bounds } = measure
  const more = labels === '' ? '' : `${labels},`
  const buckets = bounds.map((bound) => `${name}_bucket{${more}le="${bound}"} ${values.countUpTo(bound * per)}\n`)
  return `${buckets.join('')}${name}_bucket{${more}le="+Inf"} ${values.count}\n${name}_sum${braces(labels)} ${values.sum / per}\n${name}_count${braces(labels)} ${values.count}\n`
}

function head(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
}

function format(labels: Labels): string {
  return Object.entries(labels)
    .map(
      ([name, value]) =>
        `${name}="${value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))}"`,
    )
    .join(',')
}

const braces = (labels: string): string => (labels === '' ? '' : `{${labels}}`)
