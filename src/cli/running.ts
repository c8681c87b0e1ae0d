/** What `serve` and `work` share: an engine opened with a log, told as the folder's owner, and an orderly end at the first signal. */
import { parseDurationText } from '../core/duration.ts'
import { keepProcessAlive } from '../core/clock.ts'
import { DEFAULTS } from '../core/default.ts'
import type { OpenOptions, Post, Worker } from '../posthorn.ts'
import type { Server } from '../server/index.ts'
import { CommandError } from './exit.ts'
import { countOf, formatBytes, parseBytes } from './format.ts'
import type { StopSignal } from './stop-signal.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'

export interface RunOptions extends CommonOptions {
  readonly grace: string
  readonly minFree?: string | undefined
}

/** What `open` is told by the command line. @throws CommandError `usage` */
export function openOptions({ minFree }: RunOptions): OpenOptions {
  if (minFree === undefined) return {}
  const minFreeBytes = parseBytes(minFree)
  if (minFreeBytes === null)
    throw new CommandError('usage', 'invalid-option', `--min-free is '${minFree}': it must be a size like 64MiB or 1GB`)
  return { limits: { minFreeBytes } }
}

/** For `serve` and `work`. */
export const MIN_FREE: readonly [flag: string, text: string] = [
  '--min-free <size>',
  `with less room on the disk of file:DIR or sqlite:FILE, new messages are refused (disk-full); default ${formatBytes(DEFAULTS.minFreeBytes)}`,
]

export interface Parts {
  readonly post: Post
  readonly server: Server
  readonly worker: Worker
}

/** Something that happened, for people; with --json, for programs. */
export function tell(
  session: Session,
  options: CommonOptions,
  event: string,
  facts: Readonly<Record<string, unknown>>,
  text: string,
): void {
  if (options.json) writeJson(session, { event, ...facts })
  else session.terminal.out(text)
}

/** When the engine has failed nothing can be settled any more: what runs is told, and whoever restarts the process does not wait long. */
const FAILED_GRACE_MS = 5_000

/**
 * Waits for the first signal, for the worker to end, or for the engine to fail; then stops the parts in the order in which nothing is lost.
 * @throws CommandError `engine-failed`
 */
export async function runUntilStopped(
  session: Session,
  options: RunOptions,
  { post, server, worker }: Parts,
  stop: StopSignal,
): Promise<void> {
  using alive = keepProcessAlive()
  void alive
  const { internalsOf } = await import('../posthorn.ts')
  const { engine } = internalsOf(post)
  let failure: Error | null = null
  const failed = engine.failed?.then((error) => (failure = error)) ?? new Promise<never>(() => {})
  const asked = parseDurationText(options.grace, '--grace')
  // A handler's module may stop its own worker, too.
  await Promise.race([aborted(stop.signal), worker.closed, failed])
  const graceMs = failure === null ? asked : Math.min(asked, FAILED_GRACE_MS)
  if (stop.signal.aborted) {
    const hint = process.stdin.isTTY ? '; again to end at once' : ''
    tell(
      session,
      options,
      'stopping',
      { signal: stop.signal.reason as string, graceMs },
      session.terminal.style('dim', `stopping: what runs may run on for ${options.grace}${hint}`),
    )
  }
  if (failure !== null) {
    const { message } = failure as Error
    tell(session, options, 'failed', { detail: message, graceMs }, session.terminal.style('red', `failed: ${message}`))
  }
  server.drain()
  await worker.stop({ grace: graceMs })
  await server.stop({ graceMs })
  await post.close({ grace: 0 })
  if (failure !== null) throw explainFailure(failure)
  tell(session, options, 'stopped', {}, session.terminal.style('dim', 'stopped'))
}

function explainFailure(failure: Error): CommandError {
  return new CommandError(
    'engine-failed',
    'engine-failed',
    failure.message,
    ['Start it again when the disk is sound: a supervisor (systemd, a container’s restart policy) may do so at once.'],
    failure,
  )
}

export const listOf = (queues: readonly string[]): string =>
  queues.length > 6
    ? `${queues.slice(0, 6).join(', ')} and ${countOf(queues.length - 6, 'more queue')}`
    : queues.join(', ')

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
