/**
 * Opens Posthorn and makes its verbs. The only place that knows every engine; each is loaded when its URL is opened. It installs
 * no signal handlers.
 */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from './core/clock.ts'
import { DEFAULTS } from './core/default.ts'
import type { Engine } from './core/engine.ts'
import { PosthornError } from './core/error.ts'
import { createIds, systemRandom } from './core/id.ts'
import { checkKnown, invalidOption } from './core/option.ts'
import { COPY_KEY, type Transfer } from './core/transfer.ts'
import { Worker as DeliveryWorker } from './delivery/worker.ts'
import { Mounts } from './event/mounts.ts'
import { SourceMeasures } from './event/source-measure.ts'
import { EnginePost, type EngineParts, type Internals } from './engine-post.ts'
import { OperationStore, reportBinding, type EndingDeps, type WaitDeps } from './operation/index.ts'
import type { OpenOptions, Post } from './post.ts'
import { resolveMasterKeys } from './callback/index.ts'
import { guardLog, silentLog } from './runtime/log.ts'
import { createStderrLog } from './runtime/stderr-log.ts'
import { Telemetry } from './runtime/telemetry.ts'
import { tellErrors } from './runtime/tell-errors.ts'
import { Composer, InsideMark, Registry, Sender } from './task/index.ts'
import { createPrepareTopic } from './topic/index.ts'

export type { Internals } from './engine-post.ts'
export { meetContracts, partsOfWork } from './work-parts.ts'
export type {
  OpenLimits,
  OpenOptions,
  Part,
  Post,
  PublishReceipt,
  StopOptions,
  Work,
  Worker,
  WorkGiven,
  WorkOptions,
  WorkParts,
} from './post.ts'

const internals = new WeakMap<Post, Internals>()

/** @throws PosthornError `invalid-option` for what `open` of this copy of the package did not make */
export function internalsOf(post: Post): Internals {
  const found = internals.get(post)
  if (found === undefined)
    throw new PosthornError('invalid-option', 'post was not made by open() of this copy of posthorn')
  return found
}

const KNOWN = ['source', 'durability', 'shared', 'limits', 'log', 'onError', 'clock', 'ids', 'random', 'masterKey']
const ENVELOPE_BYTES = 65_536
/** What still fits into a record of every engine, with its envelope. */
const LARGEST_BODY_BYTES = 15 * 1_048_576
const DEFAULT_URL = 'file:./.posthorn'
const ENGINES =
  "'memory:' (nothing survives the process), 'file:DIR' (one process, durable), 'sqlite:FILE' (several processes of one machine, durable) and 'postgres://HOST/DATABASE' (many machines, durable), e.g. 'file:./data'"

/** Engines that this process has open, by URL, for `shared`. */
const opened = new Map<string, { readonly engine: Promise<Engine>; users: number }>()

/**
 * Opens an engine by URL: `memory:`, `file:DIR`, `sqlite:FILE`, `postgres://…`. Unset: the environment's `POSTHORN_URL`, else `file:./.posthorn`.
 * @throws PosthornError `unknown-engine`, `engine-locked`, `invalid-option`, `unsupported`, and what the engine finds on its disk
 */
export async function open(
  url: string = process.env['POSTHORN_URL'] || DEFAULT_URL,
  options: OpenOptions = {},
): Promise<Post> {
  checkOptions(url, options)
  const { engine, release } = await openEngine(url, options)
  try {
    if (url !== 'memory:') await refuseHalf(engine)
    return await createPost({ url, engine, options, release })
  } catch (error) {
    await release()
    throw error
  }
}

/** Who works with half of what there is to be would find the other half added to what he changed. */
async function refuseHalf(engine: Engine): Promise<void> {
  if ((await engine.get([COPY_KEY]))[0] === null) return
  throw new PosthornError(
    'copy-unfinished',
    'a copy into this engine was begun and is not finished: run `posthorn copy` again, with the same --from and --to',
  )
}

function checkOptions(url: unknown, options: OpenOptions): void {
  if (typeof url !== 'string')
    throw new PosthornError('unknown-engine', `the URL is of type ${typeof url}: there are ${ENGINES}`)
  checkKnown('open', options, KNOWN)
  const { source, limits = {} } = options
  checkKnown('open: limits', limits, ['bodyBytes', 'minFreeBytes'])
  const { bodyBytes, minFreeBytes } = limits
  if (source !== undefined && (typeof source !== 'string' || source === ''))
    throw invalidOption('open', 'source', source, "a URI reference, like '/shop'")
  if (bodyBytes !== undefined && !(Number.isSafeInteger(bodyBytes) && bodyBytes > 0 && bodyBytes <= LARGEST_BODY_BYTES))
    throw invalidOption('open', 'limits.bodyBytes', bodyBytes, `a whole number from 1 to ${LARGEST_BODY_BYTES}`)
  if (minFreeBytes === undefined) return
  if (!(Number.isSafeInteger(minFreeBytes) && minFreeBytes >= 0))
    throw invalidOption('open', 'limits.minFreeBytes', minFreeBytes, 'a whole number of at least 0')
  if (!/^(file|sqlite):/.test(url))
    throw new PosthornError(
      'unsupported',
      "open: limits.minFreeBytes is for engines that have a disk of their own: 'file:DIR' and 'sqlite:FILE'",
      { details: { field: 'limits.minFreeBytes' } },
    )
}

async function openEngine(
  url: string,
  { shared = false, ...options }: OpenOptions,
): Promise<{ readonly engine: Engine; readonly release: () => Promise<void> }> {
  const key = keyOf(url)
  const known = opened.get(key)
  const entry = shared && known !== undefined ? known : { engine: loadEngine(url, options), users: 0 }
  if (known === undefined) opened.set(key, entry)
  const forget = () => opened.get(key) === entry && opened.delete(key)
  entry.users++
  const release = async () => {
    if (--entry.users > 0) return
    forget()
    await (await entry.engine).close()
  }
  try {
    return { engine: await entry.engine, release }
  } catch (error) {
    forget()
    throw error
  }
}

/** The same for every way to write one directory or file. */
function keyOf(url: string): string {
  if (url.startsWith('sqlite:')) return `sqlite:${resolve(databaseOf(url))}`
  return url.startsWith('file:') ? `file:${resolve(directoryOf(url))}` : url
}

async function loadEngine(
  url: string,
  { clock = systemClock, ids, limits, durability, log: given }: OpenOptions,
): Promise<Engine> {
  const log = guardLog(given ?? createStderrLog())
  // An output within the limit still has to fit into the message that tells of it.
  const bodyBytes = (limits?.bodyBytes ?? DEFAULTS.maxBodyBytes) + ENVELOPE_BYTES
  if (url === 'memory:') {
    const { createMemoryEngine } = await import('./engine/memory/engine.ts')
    return createMemoryEngine({ clock, ids, limits: { bodyBytes } })
  }
  if (url.startsWith('file:')) {
    const { openFileEngine } = await import('./engine/file/engine.ts')
    const level = durability === 'os' || durability === 'disk' ? durability : undefined
    const { minFreeBytes } = limits ?? {}
    return openFileEngine(directoryOf(url), {
      clock,
      ids,
      limits: { bodyBytes },
      logLimits: minFreeBytes === undefined ? {} : { minFreeBytes },
      durability: level,
    })
  }
  if (url.startsWith('sqlite:')) {
    const { openSqliteEngine } = await import('./engine/sqlite/engine.ts')
    const level = durability === 'os' || durability === 'disk' ? durability : undefined
    const { minFreeBytes } = limits ?? {}
    return openSqliteEngine(databaseOf(url), { clock, limits: { bodyBytes }, durability: level, minFreeBytes })
  }
  if (/^postgres(ql)?:/.test(url)) {
    const { openPostgresUrl } = await import('./engine/postgres/url.ts')
    return openPostgresUrl(url, {
      clock,
      limits: { bodyBytes },
      onFailure: (error) => log.warn('the engine could not look for what is due; it looks again', { error }),
      onRefused: ({ n, reason }) =>
        log.error('a commit of a transaction of yours was refused after that had committed: nothing came of it', {
          arrival: n,
          reason,
        }),
    })
  }
  // What follows the scheme may hold a password.
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0]
  throw new PosthornError(
    'unknown-engine',
    `${scheme === undefined ? `'${url}' is no URL of an engine` : `there is no engine for '${scheme}' URLs`}: there are ${ENGINES}`,
    { details: { scheme } },
  )
}

/**
 * Opens an engine for a copy. A post of this process is that of an engine in memory: others are opened by their URL.
 * @throws PosthornError `unknown-engine`, and what opening an engine throws
 */
export async function openTransfer(
  place: string | Post,
  as: 'source' | 'target',
): Promise<{ readonly name: string; readonly transfer: Transfer }> {
  const url = typeof place === 'string' ? place : internalsOf(place).url
  const name = url.replace(/:\/\/[^@/]*@/, '://').replace(/\?.*$/, '')
  if (typeof place !== 'string' && url === 'memory:') {
    const { LedgerEngine } = await import('./engine/ledger/engine.ts')
    const { engine } = internalsOf(place)
    if (engine instanceof LedgerEngine) return { name, transfer: engine.transfer() }
  }
  if (url.startsWith('file:')) {
    const { openFileTransfer } = await import('./engine/file/transfer.ts')
    return { name, transfer: await openFileTransfer(directoryOf(url), as) }
  }
  if (url.startsWith('sqlite:')) {
    const { openSqliteTransfer } = await import('./engine/sqlite/transfer/open-transfer.ts')
    return { name, transfer: openSqliteTransfer(databaseOf(url), as) }
  }
  if (/^postgres(ql)?:/.test(url)) {
    const { openPostgresTransfer } = await import('./engine/postgres/transfer/open-transfer.ts')
    return { name, transfer: await openPostgresTransfer(url, as) }
  }
  throw new PosthornError(
    'unknown-engine',
    `'${name}' cannot be copied: there are 'file:DIR', 'sqlite:FILE' and 'postgres://…', and a post of this process for 'memory:'`,
  )
}

function directoryOf(url: string): string {
  const path = url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length)
  if (path === '')
    throw new PosthornError(
      'unknown-engine',
      "the URL 'file:' names no directory: write 'file:./data' or 'file:/var/lib/app'",
      { details: { scheme: 'file:' } },
    )
  return path
}

function databaseOf(url: string): string {
  const path = url.startsWith('sqlite://')
    ? fileURLToPath(`file${url.slice('sqlite'.length)}`)
    : url.slice('sqlite:'.length)
  if (path === '' || path === ':memory:')
    throw new PosthornError(
      'unknown-engine',
      `the URL '${url}' names no file: write 'sqlite:./data.db' or 'sqlite:/var/lib/app.db'; what nothing of shall stay is 'memory:'`,
      { details: { scheme: 'sqlite:' } },
    )
  return path
}

/** What a post is made of. */
export interface PostParts {
  readonly url: string
  readonly engine: Engine
  readonly options: OpenOptions
  /** Ends what the post no longer needs. */
  readonly release: () => Promise<void>
  /** See `WaitDeps`. */
  readonly insteadOfWaiting?: WaitDeps['instead']
}

/** A post on an engine that is open already. */
export async function createPost(given: PostParts): Promise<Post> {
  const parts = createParts(given)
  const post = new EnginePost(parts)
  internals.set(post, parts)
  await parts.reports.start()
  return post
}

function createParts({ url, engine, options, release, insteadOfWaiting: instead }: PostParts): EngineParts {
  const {
    source = 'posthorn:',
    durability,
    log: given = createStderrLog(),
    onError,
    clock = systemClock,
    ids = createIds(clock),
    random = systemRandom,
    limits = {},
    masterKey,
  } = options
  const log = guardLog(given)
  const { capabilities } = engine
  if (durability !== undefined && !capabilities.durability.includes(durability)) {
    throw new PosthornError(
      'unsupported',
      `durability is '${durability}': the engine '${capabilities.engine}' reaches ${capabilities.durability.map((each) => `'${each}'`).join(', ')}`,
      { details: { field: 'durability', value: durability } },
    )
  }
  const bodyBytes = Math.min(limits.bodyBytes ?? DEFAULTS.maxBodyBytes, capabilities.maxBodyBytes)
  const telemetry = new Telemetry((error) => log.error('a listener of telemetry failed', { error }))
  if (onError !== undefined) tellErrors(telemetry, onError)
  const closer = new AbortController()
  const registry = new Registry()
  const composer = new Composer({
    clock,
    ids,
    source,
    maxBodyBytes: bodyBytes,
    registry,
    prepareTopic: createPrepareTopic(engine),
  })
  const ending: EndingDeps = { clock, ids, source, follow: (queue, input) => registry.follow(queue, input) }
  return {
    url,
    engine,
    clock,
    ids,
    random,
    log,
    source,
    telemetry,
    registry,
    composer,
    ending,
    closer,
    release,
    limits: { bodyBytes },
    sender: new Sender({ engine, composer, clock, telemetry, durability }),
    operations: new OperationStore({ engine, clock, closing: closer.signal, instead }),
    masterKeys: resolveMasterKeys(masterKey, process.env),
    mounts: new Mounts(),
    sources: new SourceMeasures(),
    reports: createReports({ engine, clock, ids, random }, ending),
    closing: closer.signal,
    inside: new InsideMark((message) => log.warn(message)),
  }
}

/** Ends, in every open process, operations whose messages ended without a handler. Keeps no process alive. */
function createReports(
  deps: Pick<Internals, 'engine' | 'clock' | 'ids' | 'random'>,
  ending: EndingDeps,
): DeliveryWorker {
  const quiet = { ...deps, log: silentLog, telemetry: new Telemetry() }
  return new DeliveryWorker(quiet, [reportBinding({ ...ending, engine: deps.engine })], {
    name: `operations of process ${process.pid}`,
    keepAlive: () => ({ [Symbol.dispose]() {} }),
  })
}
