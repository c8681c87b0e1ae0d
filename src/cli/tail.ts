/** `posthorn tail`: what happens to messages, a line each, until Ctrl-C. */
import type { Command } from 'commander'
import { keepProcessAlive } from '../core/clock.ts'
import { isPosthornError } from '../core/error.ts'
import { call, queuePath, type Exchange } from './api.ts'
import { connect, engineUrl, folderOf } from './connect.ts'
import { follow } from './follow.ts'
import { formatCount, formatLine, formatSpan } from './format.ts'
import { readHolder } from './holder.ts'
import { parseTime } from './match.ts'
import { listQueues } from './queues.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'
import { onStopSignal } from './stop-signal.ts'
import type { Style } from './terminal.ts'
import type { HappeningView, MessageView, PageView } from './view.ts'

interface TailOptions extends CommonOptions {
  readonly since?: string
}

const STYLES: Readonly<Record<string, Style>> = {
  sent: 'cyan',
  acked: 'green',
  failed: 'yellow',
  dead: 'red',
  expired: 'red',
}
/** What was sent before is looked up, not followed: no more than this of it. */
const MOST_BEFORE = 1_000
const WIDEST_QUEUE = 30

export function addTail(program: Command, session: Session): void {
  program
    .command('tail')
    .description('follow what happens to messages: sends, failed runs, ends; until Ctrl-C')
    .argument('[queue]', 'only of this queue')
    .option('--since <when>', 'begin with what was sent since and is still there: a duration before now, or a time')
    .action((queue: string | undefined, _options: unknown, command: Command) =>
      tail(session, queue, command.optsWithGlobals()),
    )
}

async function tail(session: Session, queue: string | undefined, options: TailOptions): Promise<void> {
  const { terminal, clock } = session
  using stop = onStopSignal(clock, (exitCode) => session.kill(exitCode))
  using alive = keepProcessAlive()
  void alive
  const since = options.since === undefined ? null : parseTime(options.since, '--since', clock.wallMs())
  const show = options.json ? (line: HappeningView) => writeJson(session, line) : createWriter(session)
  const tell = (text: string): void => (options.json ? undefined : terminal.err(terminal.style('dim', text)))
  let isBeforeShown = since === null || (await showBefore(session, options, queue, since, show))
  await follow(session, options, {
    queue,
    signal: stop.signal,
    async began(exchange) {
      if (!isBeforeShown) for (const line of await before(exchange, queue, since!)) show(line)
      isBeforeShown = true
      tell(`following ${queue ?? 'all queues'} at ${exchange.where}; Ctrl-C ends it`)
    },
    happened: (happenings) => happenings.forEach(show),
    missed: (count) =>
      options.json
        ? writeJson(session, { what: 'missed', count })
        : terminal.err(
            terminal.style(
              'yellow',
              count === null
                ? '… the server began anew: what happened in between is not known'
                : `… ${formatCount(count)} more happened than could be told`,
            ),
          ),
    waiting: tell,
  })
}

/** From a folder that nobody has open, by opening it for the moment. Whether that was possible. */
async function showBefore(
  session: Session,
  options: TailOptions,
  queue: string | undefined,
  since: string,
  show: (line: HappeningView) => void,
): Promise<boolean> {
  const folder = folderOf(engineUrl(session, options), session.cwd)
  if (folder === null || readHolder(folder) !== null) return false
  try {
    await using exchange = await connect(session, options)
    for (const line of await before(exchange, queue, since)) show(line)
    return true
  } catch (error) {
    // Somebody was faster: then he is asked.
    if (isPosthornError(error) && error.code === 'engine-locked') return false
    throw error
  }
}

/** What was sent since and is still there, the oldest first. */
async function before(exchange: Exchange, queue: string | undefined, since: string): Promise<readonly HappeningView[]> {
  const queues = queue === undefined ? (await listQueues(exchange)).map((each) => each.queue) : [queue]
  const found: MessageView[] = []
  for (const each of queues) {
    for (let after: string | undefined, more = true; more && found.length < MOST_BEFORE;) {
      const query = { since, limit: '500', after }
      const { items, next } = (
        await call<PageView<MessageView>>(exchange, 'GET', queuePath(each, 'messages'), { query })
      ).body
      found.push(...items)
      after = next ?? undefined
      more = next !== null
    }
  }
  return found.toSorted((one, other) => Date.parse(one.sentAt) - Date.parse(other.sentAt)).map(toHappening)
}

/** As it was sent; where it has come to an end, that is its reason. */
function toHappening({
  id,
  queue,
  event,
  sentAt,
  acquired,
  failed,
  state,
  reason,
  ...rest
}: MessageView): HappeningView {
  const { key = null, group = null } = rest as { readonly key?: string; readonly group?: string }
  const type = String(event['type'])
  return {
    at: sentAt,
    what: 'sent',
    queue,
    id,
    type,
    key,
    group,
    sentAt,
    acquired,
    failed,
    reason: reason ?? `now ${state}`,
  }
}

/** Lines for people, the queues in one column as wide as the widest so far. */
function createWriter({ terminal }: Session): (line: HappeningView) => void {
  let widest = 0
  return ({ at, what, queue, id, type, key, group, sentAt, acquired, reason }) => {
    widest = Math.min(WIDEST_QUEUE, Math.max(widest, queue.length))
    const tookMs = Date.parse(at) - Date.parse(sentAt)
    const told = [
      ...(what === 'sent' ? [type] : []),
      ...(what === 'sent' && key !== null ? [`key=${key}`] : []),
      ...(what === 'sent' && group !== null ? [`group=${group}`] : []),
      ...(reason === null ? [] : [reason]),
      ...(what === 'sent' ? [] : [`after ${formatSpan(tookMs)}, ${acquired === 1 ? '1 run' : `${acquired} runs`}`]),
    ]
    terminal.out(
      [
        terminal.style('dim', at.slice(11, 23)),
        terminal.style(STYLES[what] ?? 'dim', what.padEnd(9)),
        queue.padEnd(widest),
        terminal.style('dim', id),
        formatLine(told.join(' · '), 200),
      ].join('  '),
    )
  }
}
