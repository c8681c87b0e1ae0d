/**
 * Whether memory or a disk runs out, told when it begins and when it is over: no system says so by itself, so it is looked at now and then. Two
 * bounds, so that a value that hovers at one is not told again and again.
 */
import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { parseDuration, type Duration } from '../../core/duration.ts'
import { invalidOption } from '../../core/option.ts'
import { brandSource, resolveSource, type Source, type SourceOptions } from '../contract.ts'
import { Hub, type Feed } from '../listen/hub.ts'

export interface Use {
  readonly usedBytes: number
  readonly totalBytes: number
  /** From 0 to 1. */
  readonly share: number
}

export interface MemoryEvents {
  readonly 'memory.high': Use
  readonly 'memory.normal': Use
}

export interface DiskEvents {
  readonly 'disk.high': Use & { readonly path: string }
  readonly 'disk.normal': Use & { readonly path: string }
}

export interface ThresholdOptions extends SourceOptions {
  /** Told as high from this share on: 0.9 is nine tenths. Default 0.9. */
  readonly above?: number | undefined
  /** Told as normal again from this share down. Default: a tenth below `above`. */
  readonly below?: number | undefined
  /** How often it is looked at; at least 1 s. Default 10 s for memory, 1 m for a disk. */
  readonly every?: Duration | undefined
  /** What is looked at, for tests: used and all, in bytes. */
  readonly read?:
    | (() => Pick<Use, 'usedBytes' | 'totalBytes'> | Promise<Pick<Use, 'usedBytes' | 'totalBytes'>>)
    | undefined
}

const SHORTEST_MS = 1_000
const KNOWN = ['above', 'below', 'every', 'read']

/**
 * `memoryUse('memory', { above: 0.9 })`: of what this process may have (a container's limit, or the machine's memory), how much is not to be had
 * any more. The first look is at the start: what is high already is told. It keeps no process alive.
 * @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration`
 */
export function memoryUse<const N extends string>(name: N, options: ThresholdOptions = {}): Source<N, MemoryEvents> {
  return threshold('memoryUse', name, options, { every: '10s', prefix: 'memory', read: readMemory, more: {} })
}

/**
 * `diskUse('disk', '/var/lib/app', { above: 0.9 })`: the share of the file system at this path that is used, as an ordinary user sees it.
 * @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration`
 */
export function diskUse<const N extends string>(
  name: N,
  path: string,
  options: ThresholdOptions = {},
): Source<N, DiskEvents> {
  if (typeof path !== 'string' || path === '') throw invalidOption(`diskUse(${name})`, 'path', path, 'a path')
  const read = async (): ReturnType<typeof readDisk> => readDisk(path)
  return threshold('diskUse', name, options, { every: '1m', prefix: 'disk', read, more: { path } })
}

interface Kind {
  readonly every: Duration
  readonly prefix: 'memory' | 'disk'
  readonly read: NonNullable<ThresholdOptions['read']>
  readonly more: object
}

function threshold<N extends string>(
  verb: string,
  name: N,
  options: ThresholdOptions,
  kind: Kind,
): { readonly kind: 'source'; readonly name: N } {
  const { field, ...config } = resolveSource(verb, name, options, KNOWN)
  const { above = 0.9, below = Math.max(0, above - 0.1), every = kind.every, read = kind.read } = options
  if (!(above > 0 && above <= 1)) throw invalidOption(field, 'above', above, 'a share above 0, and 1 at most')
  if (!(below >= 0 && below < above)) throw invalidOption(field, 'below', below, `a share from 0 to below ${above}`)
  const everyMs = parseDuration(every, `${field}: every`)
  if (everyMs < SHORTEST_MS) throw invalidOption(field, 'every', every, `at least ${SHORTEST_MS} ms`)
  const hub = new Hub(config, async (feed) => {
    const watch = new Watch(feed, { above, below, prefix: kind.prefix, more: kind.more, read })
    // What cannot be read at all is told to whoever listens.
    await watch.look()
    let set: Disposable | null = null
    let isEnded = false
    const next = (): void => {
      set = isEnded ? null : config.clock.timer(everyMs, () => void again())
    }
    const again = async (): Promise<void> => {
      await watch.look().catch((error: unknown) => config.log.warn(`${field}: cannot be read`, { error }))
      next()
    }
    next()
    return () => {
      isEnded = true
      set?.[Symbol.dispose]()
    }
  })
  return brandSource(name, { name, hub, isAcknowledged: false, mount: null })
}

interface WatchDeps extends Pick<Kind, 'prefix' | 'read' | 'more'> {
  readonly above: number
  readonly below: number
}

class Watch {
  readonly #feed: Feed
  readonly #deps: WatchDeps
  #isHigh = false

  constructor(feed: Feed, deps: WatchDeps) {
    this.#feed = feed
    this.#deps = deps
  }

  async look(): Promise<void> {
    const { above, below, prefix, more, read } = this.#deps
    const { usedBytes, totalBytes } = await read()
    const share = usedBytes / totalBytes
    const isHigh = this.#isHigh ? share > below : share >= above
    if (isHigh === this.#isHigh) return
    this.#isHigh = isHigh
    const data = { ...more, usedBytes, totalBytes, share: Math.round(share * 10_000) / 10_000 }
    await this.#feed.tell({ type: `${prefix}.${isHigh ? 'high' : 'normal'}`, data }).admitted.catch(() => {})
  }
}

function readMemory(): Pick<Use, 'usedBytes' | 'totalBytes'> {
  const all = totalmem()
  const limit = process.constrainedMemory()
  const totalBytes = limit > 0 && limit < all ? limit : all
  return { usedBytes: Math.max(0, totalBytes - process.availableMemory()), totalBytes }
}

async function readDisk(path: string): Promise<Pick<Use, 'usedBytes' | 'totalBytes'>> {
  const { bsize, blocks, bfree, bavail } = await statfs(path)
  // What is kept for root is neither free nor used.
  const used = blocks - bfree
  return { usedBytes: used * bsize, totalBytes: (used + bavail) * bsize }
}
