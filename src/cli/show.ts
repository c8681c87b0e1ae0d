/** `posthorn show`: a queue with what is in it, or one message with its history and body. */
import { Option, type Command } from 'commander'
import { call, callForOne, queuePath, type Exchange } from './api.ts'
import { connect } from './connect.ts'
import { CommandError } from './exit.ts'
import { countOf, formatLine, formatMoment } from './format.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'
import { writeFacts, writeTable } from './table.ts'
import { isOfInterest, listQueues } from './queues.ts'
import type { MessageView, PageView, QueueView } from './view.ts'

export const STATES = [
  'arrived',
  'ready',
  'held',
  'delayed',
  'leased',
  'dead',
  'acked',
  'expired',
  'cancelled',
  'discarded',
] as const

interface ShowOptions extends CommonOptions {
  readonly state?: string
  readonly limit?: string
}

export function addShow(program: Command, session: Session): void {
  program
    .command('show')
    .description('show a queue and what is in it, or one message with its history')
    .argument('<queue>')
    .argument('[id]', 'of a message')
    .addOption(new Option('--state <state>', 'only messages in this state').choices(STATES))
    .option('--limit <count>', 'messages of each state at most', '20')
    .action((queue: string, id: string | undefined, _options: unknown, command: Command) => {
      const options: ShowOptions = command.optsWithGlobals()
      return id === undefined ? showQueue(session, queue, options) : showMessage(session, queue, id, options)
    })
}

/** @throws CommandError `not-found`, naming the queues there are */
export async function findQueue(exchange: Exchange, queue: string): Promise<QueueView> {
  const found = await callForOne<QueueView>(exchange, queuePath(queue))
  if (found !== null) return found
  const names = (await listQueues(exchange)).filter(isOfInterest).map((other) => other.queue)
  const hint =
    names.length === 0
      ? 'There are no queues there yet.'
      : `There: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}.`
  throw new CommandError('not-found', 'queue-not-found', `there is no queue '${queue}' at ${exchange.where}`, [hint])
}

export async function listMessages(
  exchange: Exchange,
  queue: string,
  state: string,
  limit: number,
): Promise<readonly MessageView[]> {
  const found: MessageView[] = []
  for (let after: string | undefined, more = true; more;) {
    const query = { state, limit: String(Math.min(500, limit - found.length)), after }
    const { items, next } = (
      await call<PageView<MessageView>>(exchange, 'GET', queuePath(queue, 'messages'), { query })
    ).body
    found.push(...items)
    after = next ?? undefined
    more = next !== null && found.length < limit
  }
  return found
}

/** @throws CommandError `usage` */
export function parseCount(text: string, option: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1)
    throw new CommandError('usage', 'invalid-option', `${option} is '${text}': it must be a whole number of at least 1`)
  return count
}

async function showQueue(session: Session, queue: string, options: ShowOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const found = await findQueue(exchange, queue)
  const limit = parseCount(options.limit ?? '20', '--limit')
  const states =
    options.state === undefined
      ? STATES.filter((state) => state in found && Number(found[state as keyof QueueView]) > 0)
      : [options.state]
  const messages: MessageView[] = []
  for (const state of states) messages.push(...(await listMessages(exchange, queue, state, limit)))
  if (options.json) return writeJson(session, { ...found, messages })
  const { terminal } = session
  terminal.out(`${terminal.style('bold', queue)}${found.paused ? ` ${terminal.style('yellow', 'paused')}` : ''}`)
  terminal.out(terminal.style('dim', summary(found)))
  if (messages.length === 0) return
  terminal.out('')
  writeTable(terminal, messageColumns(session), messages)
}

const summary = ({ arrived, ready, held, delayed, leased, dead, ended }: QueueView): string =>
  [
    `${ready + arrived} ready`,
    `${held} held`,
    `${delayed} delayed`,
    `${leased} leased`,
    `${dead} dead`,
    `${ended.acked} acked`,
  ].join(' · ')

function messageColumns({ terminal, clock }: Session): Parameters<typeof writeTable<MessageView>>[1] {
  return [
    { head: 'id', cell: ({ id }) => id },
    { head: 'state', cell: ({ state }) => (state === 'dead' ? terminal.style('red', state) : state) },
    { head: 'sent', align: 'right', cell: ({ sentAt }) => formatMoment(Date.parse(sentAt), clock.wallMs()) },
    { head: 'tries', align: 'right', cell: ({ acquired }) => String(acquired) },
    { head: 'type', cell: ({ event }) => formatLine(String(event['type']), 40) },
    { head: 'last failure', cell: ({ failures, reason }) => formatLine(lastFailure(failures, reason), 60) },
  ]
}

export function lastFailure(failures: MessageView['failures'], reason: string | null | undefined): string {
  const last = failures.at(-1)
  if (last === undefined) return reason ?? ''
  return last.code === reason ? last.message : `${last.code}: ${last.message}`
}

async function showMessage(session: Session, queue: string, id: string, options: ShowOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const message = await callForOne<MessageView>(exchange, queuePath(queue, 'messages', encodeURIComponent(id)))
  if (message === null) {
    await findQueue(exchange, queue)
    throw new CommandError('not-found', 'message-not-found', `there is no message ${id} in '${queue}'`, [
      'It may have ended: a queue keeps what has ended only as long as its settings say.',
    ])
  }
  if (options.json) return writeJson(session, message)
  writeMessage(session, message)
}

function writeMessage({ terminal, clock }: Session, message: MessageView): void {
  const moment = (time: string): string => `${time} (${formatMoment(Date.parse(time), clock.wallMs())})`
  const { data, data_base64: base64, ...attributes } = message.event
  writeFacts(terminal, [
    ['id', message.id],
    ['state', `${message.state}${message.reason ? `, ${message.reason}` : ''}`],
    ['sent', moment(message.sentAt)],
    ...(message.endedAt ? [['ended', moment(message.endedAt)] as const] : []),
    ['tries', `${countOf(message.acquired, 'hand-out')}, ${message.failed} failed, ${message.released} given back`],
    ...Object.entries(attributes)
      .filter(([name]) => name !== 'specversion')
      .map(([name, value]) => [`event.${name}`, formatLine(String(value), 200)] as const),
  ])
  for (const { at, code, message: text, stack } of message.failures) {
    terminal.out('')
    terminal.out(`${terminal.style('red', code)} ${terminal.style('dim', at)} ${formatLine(text, 400)}`)
    for (const line of stack?.split('\n').slice(1, 4) ?? [])
      terminal.out(terminal.style('dim', `  ${formatLine(line, 160)}`))
  }
  terminal.out('')
  if (data !== undefined) terminal.out(JSON.stringify(data, null, 2))
  else if (typeof base64 === 'string') terminal.out(`(not JSON; base64) ${formatLine(base64, 400)}`)
  else terminal.out(terminal.style('dim', 'no body'))
}
