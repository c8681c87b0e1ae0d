/** `posthorn publish`: one event to a topic. */
import { Option, type Command } from 'commander'
import { encodeHeader } from '../core/cloud-event/header.ts'
import { parseDurationText } from '../core/duration.ts'
import { createIds } from '../core/id.ts'
import { call } from './api.ts'
import { connect } from './connect.ts'
import { countOf } from './format.ts'
import { deliveryHeaders, readBody, type DeliveryOptions } from './send.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'

interface PublishOptions extends CommonOptions, DeliveryOptions {
  readonly subject?: string
  readonly source: string
  readonly contentType?: string
}

interface ReceiptView {
  readonly id: string
  readonly duplicate: boolean
  readonly durability: string
  readonly matched: number
}

export function addPublish(program: Command, session: Session): void {
  program
    .command('publish')
    .description('publish an event to a topic')
    .argument('<topic>')
    .argument('<type>', "of the event: 'order.paid'")
    .argument('[body]', "its data: JSON; '-' reads standard input; default: none")
    .option('--subject <text>', 'what it is about')
    .addOption(new Option('--source <uri>', 'where it happened').default('posthorn:'))
    .option('--key <key>', 'one at a time and in order among those that share it')
    .option('--group <group>', 'the tenant')
    .option('--dedupe <text>', 'a second event with the same text within 24 hours changes nothing')
    .option('--delay <duration>', 'not handed out before so long from now: 250ms, 30s, 5m, 2h, 7d')
    .option('--priority <0-9>', 'higher first; default 4')
    .option('--expires <when>', 'not handed out after: a duration or a time')
    .option('--content-type <type>', 'of the data; default application/json, and then it must be JSON')
    .action((topic: string, type: string, body: string | undefined, _options: unknown, command: Command) =>
      publish(session, { topic, type, body }, command.optsWithGlobals()),
    )
}

async function publish(
  session: Session,
  { topic, type, body }: { readonly topic: string; readonly type: string; readonly body: string | undefined },
  options: PublishOptions,
): Promise<void> {
  if (options.delay !== undefined) parseDurationText(options.delay, '--delay')
  const contentType = options.contentType ?? 'application/json'
  const bytes = await readBody(session, body, contentType, `posthorn publish TOPIC TYPE '"text"'`)
  await using exchange = await connect(session, options, { create: true })
  const headers = {
    'content-type': contentType,
    'ce-specversion': '1.0',
    'ce-id': createIds(session.clock).uuid(),
    'ce-source': encodeHeader(options.source),
    'ce-type': encodeHeader(type),
    'ce-time': new Date(session.clock.wallMs()).toISOString(),
    'ce-subject': options.subject === undefined ? undefined : encodeHeader(options.subject),
    ...deliveryHeaders(options),
  }
  const path = `/v1/topics/${encodeURIComponent(topic)}/events`
  const receipt = (await call<ReceiptView>(exchange, 'POST', path, { headers, body: bytes })).body
  if (options.json) return writeJson(session, receipt)
  const { terminal } = session
  if (receipt.duplicate) terminal.out(`${terminal.style('yellow', 'duplicate')} of ${receipt.id}: nothing was changed`)
  else
    terminal.out(
      `${terminal.style('green', 'published')} ${receipt.id} to ${countOf(receipt.matched, 'subscription')} (durability: ${receipt.durability})`,
    )
}
