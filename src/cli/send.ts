/** `posthorn send`: one message to a queue, or one call of a task. */
import type { Command } from 'commander'
import { encodeHeader } from '../core/cloud-event/header.ts'
import { parseDurationText } from '../core/duration.ts'
import { isQueueName } from '../core/name.ts'
import { call, queuePath, type Exchange } from './api.ts'
import { connect } from './connect.ts'
import { CommandError } from './exit.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'

/** How a message is delivered, as commands say it. */
export interface DeliveryOptions {
  readonly delay?: string
  readonly notBefore?: string
  readonly priority?: string
  readonly key?: string
  readonly group?: string
  readonly dedupe?: string
  readonly expires?: string
  readonly callback?: string
}

interface SendOptions extends CommonOptions, DeliveryOptions {
  readonly contentType?: string
}

interface SentView {
  readonly id: string
  readonly duplicate?: boolean
  readonly durability?: string
  readonly status?: string
}

export function addSend(program: Command, session: Session): void {
  program
    .command('send')
    .description('send a message to a queue, or call a task')
    .argument('<to>', "a queue, or a task as 'task:NAME'")
    .argument('[body]', "JSON; '-' reads standard input; default: no body")
    .option('--delay <duration>', 'not handed out before so long from now: 250ms, 30s, 5m, 2h, 7d')
    .option('--not-before <time>', 'not handed out before this time (RFC 3339)')
    .option('--priority <0-9>', 'higher first; default 4')
    .option('--key <key>', 'one at a time and in order among those that share it')
    .option('--group <group>', 'the tenant')
    .option('--dedupe <text>', 'a second send with the same text within the window changes nothing')
    .option('--expires <when>', 'not handed out after: a duration or a time')
    .option('--callback <url>', 'where a POST tells the end of the operation (tasks only)')
    .option('--content-type <type>', 'of the body; default application/json, and then it must be JSON')
    .action((to: string, body: string | undefined, _options: unknown, command: Command) =>
      send(session, to, body, command.optsWithGlobals()),
    )
}

async function send(session: Session, to: string, body: string | undefined, options: SendOptions): Promise<void> {
  if (!isQueueName(to))
    throw new CommandError('usage', 'invalid-name', `'${to}' is no queue`, [
      "A queue is a name like 'inbox'; a task's is 'task:NAME'.",
    ])
  if (options.delay !== undefined) parseDurationText(options.delay, '--delay')
  const contentType = options.contentType ?? 'application/json'
  const bytes = await readBody(session, body, contentType)
  await using exchange = await connect(session, options, { create: true })
  const headers = { 'content-type': contentType, ...deliveryHeaders(options) }
  const sent = (await sendTo(exchange, to, bytes, headers)).body
  if (options.json) return writeJson(session, sent)
  const { terminal } = session
  if (sent.duplicate) terminal.out(`${terminal.style('yellow', 'duplicate')} of ${sent.id}: nothing was changed`)
  else
    terminal.out(
      `${terminal.style('green', 'sent')} ${sent.id}${sent.durability === undefined ? '' : ` (durability: ${sent.durability})`}`,
    )
}

function sendTo(
  exchange: Exchange,
  to: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly body: SentView }> {
  const [kind, name] = to.split(':')
  const path =
    kind === 'task' && name !== undefined ? `/v1/tasks/${encodeURIComponent(name)}` : queuePath(to, 'messages')
  return call<SentView>(exchange, 'POST', path, { headers, body })
}

export function deliveryHeaders(options: DeliveryOptions): Readonly<Record<string, string | undefined>> {
  return {
    'posthorn-delay': options.delay,
    'posthorn-not-before': options.notBefore,
    'posthorn-priority': options.priority,
    'posthorn-key': encoded(options.key),
    'posthorn-group': encoded(options.group),
    'posthorn-dedupe': encoded(options.dedupe),
    'posthorn-expires': options.expires,
    'posthorn-callback': options.callback,
  }
}

/** Texts may hold anything, header values may not: these three are percent-encoded as CloudEvents attributes are. */
function encoded(text: string | undefined): string | undefined {
  return text === undefined ? undefined : encodeHeader(text)
}

/** @param example of a command whose body is a JSON string */
export async function readBody(
  { terminal }: Session,
  body: string | undefined,
  contentType: string,
  example = `posthorn send QUEUE '"text"'`,
): Promise<Uint8Array> {
  const bytes = body === '-' ? await terminal.read() : Buffer.from(body ?? '')
  if (bytes.length === 0 || !/^application\/(.+\+)?json\b/.test(contentType)) return bytes
  try {
    JSON.parse(Buffer.from(bytes).toString('utf8'))
    return bytes
  } catch (error) {
    throw new CommandError(
      'usage',
      'invalid-json',
      `the body is not JSON: ${(error as Error).message}`,
      [`A JSON string needs its quotes: ${example}. Another kind of body: --content-type text/plain`],
      error,
    )
  }
}
