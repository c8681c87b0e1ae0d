/** The state in parts, for a fuzzy checkpoint: ranges of slots as columns, everything else in pages of rows. See `Checkpointed` for the rules. */
import { PosthornError } from '../../../core/error.ts'
import { fromJsonBytes, toJsonBytes } from '../../../core/json.ts'
import type { Entries } from '../entries.ts'
import { rebuild } from './rebuild.ts'
import { PAGE_ROWS, Replay, type PagedTable } from './replay.ts'
import type { Remembered, Remembering } from '../state/remembered.ts'
import { copyChunk, loadChunk } from './snapshot-chunk.ts'
import { loadRows, rowsOf } from './snapshot-row.ts'
import type { LedgerState } from '../state/state.ts'
import type { Checkpointed } from '../store.ts'

const TABLES: readonly PagedTable[] = ['queue', 'name', 'record', 'topic', 'subscription']

interface Counters {
  readonly era: number
  readonly openedAt: number
  readonly version: number
  readonly position: number
  readonly turn: number
}

export class Snapshot implements Checkpointed {
  readonly #state: LedgerState
  readonly #replay: Replay

  /** Of a state that is new: it takes in what is loaded and replayed until `finish`. */
  constructor(state: LedgerState) {
    this.#state = state
    this.#replay = new Replay(state)
    state.messages.live = false
  }

  parts(): readonly string[] {
    const { messages, topics, dedupe, commits } = this.#state
    const parts = ['counter']
    for (const table of TABLES) {
      const pages = Math.ceil(this.#rows(table) / PAGE_ROWS[table])
      for (let page = 0; page < pages; page++) parts.push(`${table}/${page}`)
    }
    messages.slots.chunks.forEach((_, number) => parts.push(`slot/${number}`))
    for (const topic of topics)
      for (const page of topic.log?.pages.keys() ?? []) parts.push(`retained/${topic.number}/${page}`)
    for (const page of dedupe.pages.keys()) parts.push(`dedupe/${page}`)
    for (const page of commits.pages.keys()) parts.push(`commit/${page}`)
    return parts
  }

  copy(part: string): Uint8Array | null {
    const [kind, first = '', second = ''] = part.split('/')
    const number = Number(first)
    if (kind === 'counter') {
      const { era, openedAt, version, position, turn } = this.#state
      return toJsonBytes({ era, openedAt, version, position, turn } satisfies Counters)
    }
    if (kind === 'slot') return copyChunk(this.#state.messages.slots, number)
    if (kind === 'retained') return this.#copyRetained(number, Number(second))
    if (kind === 'dedupe') return pageBytes(this.#state.dedupe, number)
    if (kind === 'commit') return pageBytes(this.#state.commits, number)
    const table = kind as PagedTable
    return toJsonBytes(rowsOf(this.#state, table, number * PAGE_ROWS[table], PAGE_ROWS[table]))
  }

  load(part: string, frame: number, bytes: Uint8Array): void {
    try {
      this.#load(part, bytes)
      this.#replay.loaded(part, frame)
    } catch (cause) {
      throw new PosthornError('corrupt', `part '${part}' of the checkpoint cannot be read`, {
        cause,
        details: { part },
      })
    }
  }

  replay(frame: number): Entries {
    return this.#replay.at(frame)
  }

  finish(): void {
    rebuild(this.#state)
  }

  #load(part: string, bytes: Uint8Array): void {
    const state = this.#state
    const [kind, first = ''] = part.split('/')
    if (kind === 'slot') return loadChunk(state.messages.slots, Number(first), bytes)
    const content = fromJsonBytes(bytes)
    if (kind === 'counter') Object.assign(state, content as Counters)
    else if (kind === 'retained')
      for (const [position, at, block, type] of content as [number, number, number, number][])
        state.retained(Number(first), position, at, block, type)
    else if (kind === 'dedupe') state.dedupe.loadPage(Number(first), content as Remembering<string>[])
    else if (kind === 'commit') state.commits.loadPage(Number(first), content as Remembering<string>[])
    else if (TABLES.includes(kind as PagedTable)) loadRows(state, kind as PagedTable, content)
    else throw new PosthornError('corrupt', `'${part}' is no part of a state`)
  }

  #rows(table: PagedTable): number {
    const { queues, names, records, topics, subscriptions } = this.#state
    return {
      queue: queues.rows,
      name: names.texts,
      record: records.rows.rows,
      topic: topics.rows,
      subscription: subscriptions.rows,
    }[table].length
  }

  #copyRetained(topic: number, number: number): Uint8Array | null {
    const log = this.#state.topics.get(topic)?.log
    const page = log?.pages.get(number)
    if (log == null || page === undefined) return null
    const events: number[][] = []
    for (let at = 0; at < page.length; at++) {
      if (page.positions[at]! >= log.firstPosition)
        events.push([page.positions[at]!, page.times[at]!, page.blocks[at]!, page.types[at]!])
    }
    return toJsonBytes(events)
  }
}

function pageBytes(table: Remembered<string>, page: number): Uint8Array | null {
  const items = table.pages.get(page)
  return items === undefined ? null : toJsonBytes(items)
}
