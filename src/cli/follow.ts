/**
 * Follows what happens to messages through whichever process answers for the engine: a server by its URL, or the `serve` or `work`
 * that has the folder open. When that process goes, it waits for the next one, as `tail -F` does for a file. A database that several processes may
 * have open is opened here as well.
 */
import { existsSync } from 'node:fs'
import { pause } from '../core/clock.ts'
import { call, type Exchange } from './api.ts'
import { connect, connectToServer, engineUrl, folderOf } from './connect.ts'
import { CommandError } from './exit.ts'
import { lockChanged, readHolder } from './holder.ts'
import { readKey } from './key.ts'
import type { CommonOptions, Session } from './session.ts'
import type { HappeningView, TrailView } from './view.ts'

export interface Following {
  readonly queue: string | undefined
  readonly signal: AbortSignal
  /** Who answers now. */
  began(exchange: Exchange): void | Promise<void>
  happened(happenings: readonly HappeningView[]): void
  /** So much happened unseen; null: nobody knows how much. */
  missed(count: number | null): void
  /** Nobody answers: it waits. */
  waiting(why: string): void
}

/** As long as a server lets a client wait. */
const WAIT_SECONDS = 30
const AGAIN_MS = 1_000

/** Resolves when the signal aborts. @throws CommandError where nothing can be followed, ever */
export async function follow(session: Session, options: CommonOptions, following: Following): Promise<void> {
  const { signal } = following
  await using here = new Here(session, options)
  const find = finder(session, options, here)
  let after: string | null = null
  let isFirst = true
  let said: string | null = null
  while (!signal.aborted) {
    const exchange = await find(following)
    if (exchange === null) return
    try {
      after ??= (await look(exchange, following, null, 0)).next
      isFirst = false
      said = null
      await following.began(exchange)
      while (!isAborted(signal)) after = (await look(exchange, following, after, WAIT_SECONDS)).next
    } catch (error) {
      if (isAborted(signal)) return
      if (!isGone(error) || (isFirst && isServerUrl(session, options))) throw error
      const { message } = error as Error
      if (message !== said) following.waiting((said = message))
      await pause(session.clock, AGAIN_MS, signal).catch(() => {})
    }
  }
}

async function look(
  exchange: Exchange,
  following: Following,
  after: string | null,
  seconds: number,
): Promise<TrailView> {
  const { queue, signal } = following
  const query = { queue, after: after ?? undefined, wait: String(seconds) }
  const { body } = await call<TrailView>(exchange, 'GET', '/v1/trail', { query, signal })
  if (body.missed !== 0) following.missed(body.missed)
  following.happened(body.items)
  return body
}

/** Gives who answers; null when the signal aborted before anybody did. @throws CommandError `not-found`, `usage` */
function finder(
  session: Session,
  options: CommonOptions,
  here: Here,
): (following: Following) => Promise<Exchange | null> {
  const url = engineUrl(session, options)
  // Any number of processes may have it open, and each is told what happens in all of them.
  if (url.startsWith('sqlite:')) return () => here.open()
  if (isServerUrl(session, options)) {
    const server = connectToServer(url, readKey(session, options.keyFile), url)
    return async () => server
  }
  const folder = folderOf(url, session.cwd)
  if (folder === null)
    throw new CommandError('usage', 'unknown-engine', `what happens in ${url} cannot be followed from here`, [
      'Give the folder of a file engine (--engine file:./data) or the address of a server (--engine http://127.0.0.1:7070).',
    ])
  if (!existsSync(folder))
    throw new CommandError('not-found', 'not-found', `there is no engine at ${url} (${folder})`, [
      '`posthorn serve` and `posthorn send` begin one. Another: --engine URL, or the environment variable POSTHORN_URL.',
    ])
  return async (following) => {
    const { signal } = following
    for (let said: string | null = null; !signal.aborted;) {
      // First the ear, then the look: what changes in between is heard.
      using changed = lockChanged(folder, session.clock, signal)
      const holder = readHolder(folder)
      if (holder?.address != null)
        return connectToServer(holder.address, holder.key, `${url}, held by the process at ${holder.address}`)
      const why =
        holder === null
          ? `nobody has ${url} open: waiting for a \`posthorn serve\` or \`posthorn work\``
          : `process ${holder.pid} has ${url} open and answers nobody, as \`posthorn serve\` and \`posthorn work\` do: waiting`
      // Who has just opened it tells in a moment where it answers, and a command that looks in is gone as soon.
      const isNew = holder !== null && said !== why
      if (isNew) await Promise.race([changed, pause(session.clock, AGAIN_MS, signal).catch(() => {})])
      if (isNew && readHolder(folder)?.pid !== holder.pid) continue
      if (said !== why && readHolder(folder)?.address == null) following.waiting((said = why))
      await changed
    }
    return null
  }
}

/** The engine opened in this process, where that stands in nobody's way. */
class Here implements AsyncDisposable {
  readonly #session: Session
  readonly #options: CommonOptions
  #exchange: Promise<Exchange> | null = null

  constructor(session: Session, options: CommonOptions) {
    this.#session = session
    this.#options = options
  }

  open(): Promise<Exchange> {
    return (this.#exchange ??= connect(this.#session, this.#options))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exchange = await this.#exchange?.catch(() => null)
    await exchange?.[Symbol.asyncDispose]()
  }
}

const isServerUrl = (session: Session, options: CommonOptions): boolean => /^https?:/.test(engineUrl(session, options))

/** It went, or is about to: another may come. */
const isGone = (error: unknown): boolean =>
  error instanceof CommandError &&
  (error.code === 'unreachable' || error.code === 'draining' || error.code === 'closed')

const isAborted = (signal: AbortSignal): boolean => signal.aborted
