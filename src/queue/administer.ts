/** Administration of a queue on an engine: the calls of `QueueControl` as reads and commits. */
import type { Clock } from '../core/clock.ts'
import type { BrowseQuery, Change, Engine, Page, QueueDepth } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { isUuid } from '../core/id.ts'
import { checkKnown, invalidOption } from '../core/option.ts'
import type { StoredMessage } from '../core/message.ts'
import { checkQueueName } from '../core/name.ts'
import type { BrowseOptions, Match, PurgeOptions, QueueControl, RedriveOptions, Swept } from './control.ts'
import { isMatch, toEngineMatch } from './match.ts'
import { changeSettings, readSettings, type SettingsChange, type StoredSettings } from './settings.ts'
import { checkBrowse, checkChange, checkState, checkSweep } from './check.ts'
import { sweep } from './sweep.ts'

export interface ControlDeps {
  readonly engine: Engine
  readonly clock: Clock
}

const PAGE = 50
const LONGEST_PAGE = 500
// What waits behind a key first: it would become ready, and be missed, when its head goes.
const WAITING = ['held', 'delayed', 'ready', 'arrived'] as const

/** @throws PosthornError `invalid-name` */
export function createQueueControl(deps: ControlDeps, name: string): QueueControl {
  return new Control(deps, checkQueueName(name, 'the name of the queue'))
}

class Control implements QueueControl {
  readonly name: string
  readonly #deps: ControlDeps

  constructor(deps: ControlDeps, name: string) {
    this.name = name
    this.#deps = deps
  }

  async depth(): Promise<QueueDepth | null> {
    return (await this.#deps.engine.depth([this.name]))[0] ?? null
  }

  settings(): Promise<StoredSettings> {
    return readSettings(this.#deps.engine, this.name)
  }

  async configure(
    change: SettingsChange,
    options: Parameters<QueueControl['configure']>[1] = {},
  ): Promise<StoredSettings> {
    checkChange(change)
    checkKnown('configure', options, ['ifVersion'])
    return changeSettings(this.#deps.engine, this.name, change, options)
  }

  async pause(): Promise<void> {
    await this.configure({ paused: true })
  }

  async resume(): Promise<void> {
    await this.configure({ paused: false })
  }

  async browse(options: BrowseOptions): Promise<Page<StoredMessage>> {
    checkBrowse(options)
    const { state, match, after = null, limit = PAGE } = options
    if (!Number.isSafeInteger(limit) || limit < 1)
      throw new PosthornError(
        'invalid-option',
        `limit is ${limit}: it must be a whole number from 1 to ${LONGEST_PAGE}`,
        { details: { field: 'limit', value: limit } },
      )
    return this.#deps.engine.browse({
      queue: this.name,
      state,
      after,
      limit: Math.min(limit, LONGEST_PAGE),
      match: toEngineMatch(match),
    })
  }

  async find(id: string): Promise<StoredMessage | null> {
    return isUuid(id) ? ((await this.#deps.engine.find([{ queue: this.name, id }]))[0] ?? null) : null
  }

  async redrive({ ids, ...options }: RedriveOptions = {}): Promise<Swept> {
    checkSweep('redrive', options)
    if (ids !== undefined && !Array.isArray(ids)) throw invalidOption('redrive', 'ids', ids, 'an array of ids')
    const named = ids?.filter(isUuid)
    return sweep(
      this.#deps.clock,
      options,
      ['dead'],
      (query) =>
        named === undefined ? this.#browse(query, options.match) : this.#browseNamed(named, query, options.match),
      (found) => this.#move('redrive', found),
    )
  }

  async purge({ state = 'waiting', ...options }: PurgeOptions = {}): Promise<Swept> {
    checkSweep('purge', options)
    if (state !== 'waiting' && state !== 'dead') checkState('purge', state, WAITING)
    const states = state === 'waiting' ? WAITING : [state]
    return sweep(
      this.#deps.clock,
      options,
      states,
      (query) => this.#browse(query, options.match),
      (found) => this.#move('discard', found),
    )
  }

  cancel(ids: string | readonly string[]): Promise<number> {
    return this.#move('cancel', typeof ids === 'string' ? [ids] : ids)
  }

  discard(ids: string | readonly string[]): Promise<number> {
    return this.#move('discard', typeof ids === 'string' ? [ids] : ids)
  }

  #browse(
    query: Pick<BrowseQuery, 'state' | 'after' | 'limit'>,
    match: Match | undefined,
  ): Promise<Page<StoredMessage>> {
    return this.#deps.engine.browse({ queue: this.name, match: toEngineMatch(match), ...query })
  }

  /** The same for those with these ids: a page's cursor is a place in their list. */
  async #browseNamed(
    ids: readonly string[],
    { state, after, limit }: Pick<BrowseQuery, 'state' | 'after' | 'limit'>,
    match: Match | undefined,
  ): Promise<Page<StoredMessage>> {
    const from = after === null ? 0 : Number(after)
    const until = from + limit
    const found = await this.#deps.engine.find(ids.slice(from, until).map((id) => ({ queue: this.name, id })))
    const items = found.filter((stored) => stored !== null && stored.state === state && isMatch(stored, match))
    return { items: items as readonly StoredMessage[], next: until < ids.length ? String(until) : null }
  }

  async #move(what: 'cancel' | 'redrive' | 'discard', ids: readonly string[]): Promise<number> {
    const messages = ids.filter(isUuid).map((id) => ({ queue: this.name, id }))
    if (messages.length === 0) return 0
    const change: Change = { do: what, messages }
    const [result] = await this.#deps.engine.commit([{ changes: [change] }])
    if (result?.status !== 'committed')
      throw new PosthornError(result?.code ?? 'unknown', result?.detail ?? 'no answer', {
        details: { queue: this.name },
      })
    const moved = result.results[0]
    return moved && 'count' in moved ? moved.count : 0
  }
}
