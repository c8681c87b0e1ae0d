/** `posthorn redrive` and `posthorn purge`: dead letters back to work, or what waits and is dead away. */
import { Option, type Command } from 'commander'
import { call, queuePath, type Exchange } from './api.ts'
import { connect } from './connect.ts'
import { CommandError } from './exit.ts'
import { countOf, formatCount } from './format.ts'
import { collect, parseMatch } from './match.ts'
import { createProgress } from './progress.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'
import { findQueue, parseCount } from './show.ts'

interface RedriveOptions extends CommonOptions {
  readonly match?: readonly string[]
  readonly max?: string
  readonly rate?: string
  readonly dryRun?: boolean
}

interface PurgeOptions extends CommonOptions {
  readonly state: string
}

interface OperationView {
  readonly id: string
  readonly status: string
  readonly done: boolean
  readonly progress?: { readonly fraction: number; readonly note?: string | undefined } | undefined
  readonly output?: { readonly matched?: number; readonly moved?: number } | undefined
  readonly error?: { readonly code: string; readonly detail?: string } | undefined
}

export const PURGE_STATES = ['arrived', 'ready', 'held', 'delayed', 'dead', 'waiting'] as const

export function addRedrive(program: Command, session: Session): void {
  program
    .command('redrive')
    .description('make dead letters ready again, with fresh counts')
    .argument('<queue>')
    .option('--match <field=value>', 'only those: type, error, group, key, before, since (repeatable)', collect, [])
    .option('--max <count>', 'at most so many, the oldest first')
    .option('--rate <count>', 'so many a second')
    .option('--dry-run', 'only count them')
    .action((queue: string, _options: unknown, command: Command) => redrive(session, queue, command.optsWithGlobals()))
}

export function addPurge(program: Command, session: Session): void {
  program
    .command('purge')
    .description('discard what waits or is dead in a queue, for good')
    .argument('<queue>')
    .addOption(
      new Option('--state <state>', "what to discard; 'waiting' is all that is not dead or leased")
        .choices(PURGE_STATES)
        .makeOptionMandatory(),
    )
    .action((queue: string, _options: unknown, command: Command) => purge(session, queue, command.optsWithGlobals()))
}

async function redrive(session: Session, queue: string, options: RedriveOptions): Promise<void> {
  const body = {
    match: parseMatch(options.match ?? [], session.clock.wallMs()),
    max: options.max === undefined ? undefined : parseCount(options.max, '--max'),
    ratePerSecond: options.rate === undefined ? undefined : parseCount(options.rate, '--rate'),
    dryRun: options.dryRun ?? undefined,
  }
  await using exchange = await connect(session, options)
  await findQueue(exchange, queue)
  const { status, body: answer } = await call<OperationView & { readonly matched?: number }>(
    exchange,
    'POST',
    queuePath(queue, 'redrive'),
    { body },
  )
  if (status === 200) {
    if (options.json) return writeJson(session, answer)
    return session.terminal.out(`${countOf(answer.matched ?? 0, 'dead letter')} would be redriven`)
  }
  await finish(
    session,
    exchange,
    answer,
    options,
    `redriving ${queue}`,
    (moved) => `${session.terminal.style('green', 'redriven')} ${countOf(moved, 'dead letter')} of ${queue}`,
  )
}

async function purge(session: Session, queue: string, options: PurgeOptions): Promise<void> {
  await using exchange = await connect(session, options)
  await findQueue(exchange, queue)
  const { body } = await call<OperationView>(exchange, 'POST', queuePath(queue, 'purge'), {
    body: { state: options.state },
  })
  await finish(
    session,
    exchange,
    body,
    options,
    `purging ${queue}`,
    (moved) => `${session.terminal.style('green', 'discarded')} ${countOf(moved, 'message')} of ${queue}`,
  )
}

/** Waits for the operation that does the work, and says how it ended. */
async function finish(
  session: Session,
  exchange: Exchange,
  started: OperationView,
  options: CommonOptions,
  doing: string,
  say: (moved: number) => string,
): Promise<void> {
  const operation = await waitForEnd(session, exchange, started, options, doing)
  if (options.json) writeJson(session, operation)
  const { status, error, output } = operation
  if (status !== 'succeeded') {
    throw new CommandError(
      'failed',
      error?.code ?? status,
      `the operation ${operation.id} ended as ${status}${error?.detail === undefined ? '' : `: ${error.detail}`}`,
      [`Moved before that: ${formatCount(output?.moved ?? 0)}.`],
    )
  }
  if (!options.json) session.terminal.out(say(output?.moved ?? 0))
}

/** Asks again each second, as often as a handler's progress is written; the answer comes at once when it has ended. */
async function waitForEnd(
  { terminal, clock }: Session,
  exchange: Exchange,
  started: OperationView,
  { json }: CommonOptions,
  doing: string,
): Promise<OperationView> {
  using progress = createProgress({ terminal, clock, doing, quiet: json === true })
  let operation = started
  while (!operation.done) {
    const { body } = await call<OperationView>(exchange, 'GET', `/v1/operations/${operation.id}`, {
      query: { wait: '1' },
    })
    operation = body
    const { fraction = 0, note } = operation.progress ?? {}
    if (operation.done) break
    progress.at({ done: fraction, total: 1, note: note?.replace(/\d+/, (count) => formatCount(Number(count))) })
  }
  return operation
}
