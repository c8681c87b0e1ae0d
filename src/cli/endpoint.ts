/** `posthorn endpoint …`: where events go over HTTP: made, looked at, tested, drilled, sent to again. */
import type { Command } from 'commander'
import { call, type Exchange } from './api.ts'
import { connect } from './connect.ts'
import { attemptColumns, columns, type AttemptView, type EndpointView } from './endpoint-table.ts'
import { CommandError } from './exit.ts'
import { formatCount } from './format.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'
import { writeTable } from './table.ts'
import { all } from './topics.ts'

interface OperationView {
  readonly done: boolean
  readonly status: string
  readonly output?: unknown
  readonly error?: { readonly detail?: string; readonly title: string }
  readonly links: { readonly self: string }
}

interface DrillView {
  readonly passed: number
  readonly failed: number
  readonly steps: readonly { readonly name: string; readonly result: string; readonly detail: string }[]
}

interface AddOptions extends CommonOptions {
  readonly topic: readonly string[]
  readonly type: readonly string[]
  readonly profile?: string
  readonly app?: string
  readonly order?: string
}

interface RedeliverOptions extends CommonOptions {
  readonly since?: string
  readonly until?: string
  readonly message?: string
  readonly failedOnly?: boolean
  readonly rate?: string
  readonly dryRun?: boolean
}

const path = (id: string, ...rest: readonly string[]): string =>
  ['/v1/endpoints', encodeURIComponent(id), ...rest].join('/')
const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]

export function addEndpoint(program: Command, session: Session): void {
  const endpoint = program.command('endpoint').description('where events go over HTTP: signed callbacks to receivers')
  endpoint
    .command('list')
    .description('list the endpoints, whether they are reached and what waits')
    .action((_options: unknown, command: Command) => list(session, command.optsWithGlobals()))
  endpoint
    .command('add')
    .description('begin an endpoint; its secret is printed once')
    .argument('<id>')
    .argument('<url>')
    .option('--topic <topic>', 'a topic whose events it gets (repeatable)', collect, [])
    .option('--type <pattern>', "only events of these types: 'order.*' (repeatable)", collect, [])
    .option('--profile <name>', 'standard-webhooks, cloudevents, stripe, github, shopify, slack, …')
    .option('--app <app>', 'the app that it belongs to')
    .option('--order <order>', 'none, key or strict')
    .action((id: string, url: string, _options: unknown, command: Command) =>
      add(session, id, url, command.optsWithGlobals()),
    )
  endpoint
    .command('enable')
    .description('call it again, what waited first')
    .argument('<id>')
    .action((id: string, _options: unknown, command: Command) => enable(session, id, true, command.optsWithGlobals()))
  endpoint
    .command('disable')
    .description('call it no more; what comes is kept')
    .argument('<id>')
    .action((id: string, _options: unknown, command: Command) => enable(session, id, false, command.optsWithGlobals()))
  endpoint
    .command('remove')
    .description('end an endpoint')
    .argument('<id>')
    .option('--force', 'also if events still wait: they are discarded')
    .action((id: string, _options: unknown, command: Command) => remove(session, id, command.optsWithGlobals()))
  endpoint
    .command('attempts')
    .description('what was called, and what came back, the newest first')
    .argument('<id>')
    .option('--message <id>', 'only those of one event')
    .action((id: string, _options: unknown, command: Command) => attempts(session, id, command.optsWithGlobals()))
  endpoint
    .command('rotate')
    .description('sign with a new secret, and with the one before beside it for a time; the new one is printed once')
    .argument('<id>')
    .option('--overlap <duration>', 'how long both sign: 24h unless given')
    .action((id: string, _options: unknown, command: Command) => rotate(session, id, command.optsWithGlobals()))
  endpoint
    .command('test')
    .description('send a sample event')
    .argument('<id>')
    .action((id: string, _options: unknown, command: Command) => test(session, id, command.optsWithGlobals()))
  for (const [name, description] of [
    ['verify', 'ask the receiver whether it may be called'],
    ['drill', 'call it as a forger and a bad network would, and report what it did'],
  ] as const)
    endpoint
      .command(name)
      .description(description)
      .argument('<id>')
      .action((id: string, _options: unknown, command: Command) =>
        operate(session, id, name, command.optsWithGlobals()),
      )
  endpoint
    .command('redeliver')
    .description('send again: one event, the dead letters, or all that its topics keep of a time')
    .argument('<id>')
    .option('--since <time>', 'what was sent from then on: 2026-01-31T12:00:00Z')
    .option('--until <time>', 'and before')
    .option('--message <id>', 'this one alone')
    .option('--failed-only', 'only dead letters')
    .option('--rate <number>', 'events a second at most')
    .option('--dry-run', 'only count')
    .action((id: string, _options: unknown, command: Command) => redeliver(session, id, command.optsWithGlobals()))
}

async function list(session: Session, options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const found = await all<EndpointView>(exchange, '/v1/endpoints')
  if (options.json) return writeJson(session, { items: found, next: null })
  if (found.length === 0) return session.terminal.out(`no endpoints yet at ${exchange.where}`)
  writeTable(session.terminal, columns(session), found)
}

async function add(session: Session, id: string, url: string, options: AddOptions): Promise<void> {
  const { topic, type, profile, app, order } = options
  if (type.length > 0 && topic.length === 0)
    throw new CommandError('usage', 'invalid', '--type goes with --topic: say of which topic')
  await using exchange = await connect(session, options, { create: true })
  const subscriptions = topic.map((each) => ({ topic: each, ...(type.length === 0 ? {} : { types: type }) }))
  const { body } = await call<EndpointView & { readonly secret: unknown }>(exchange, 'PUT', path(id), {
    headers: { 'if-none-match': '*' },
    body: { url, subscriptions, profile, app, order },
  })
  if (options.json) return writeJson(session, body)
  session.terminal.out(`${session.terminal.style('green', 'began')} endpoint ${body.id}`)
  session.terminal.out(`secret, shown this once: ${shown(body.secret)}`)
}

async function enable(session: Session, id: string, enabled: boolean, options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const { body } = await call<EndpointView>(exchange, 'PATCH', path(id), { body: { enabled } })
  if (options.json) return writeJson(session, body)
  session.terminal.out(`endpoint ${body.id} is ${body.status}; ${formatCount(body.lag)} events wait`)
}

async function remove(
  session: Session,
  id: string,
  options: CommonOptions & { readonly force?: boolean },
): Promise<void> {
  await using exchange = await connect(session, options)
  await call(exchange, 'DELETE', path(id), { query: { force: options.force === true ? 'true' : undefined } })
  if (options.json) return writeJson(session, { id, ended: true })
  session.terminal.out(`${session.terminal.style('green', 'ended')} endpoint ${id}`)
}

async function attempts(
  session: Session,
  id: string,
  options: CommonOptions & { readonly message?: string },
): Promise<void> {
  await using exchange = await connect(session, options)
  const found = await all<AttemptView>(
    exchange,
    path(id, 'attempts'),
    options.message === undefined ? {} : { message: options.message },
  )
  if (options.json) return writeJson(session, { items: found, next: null })
  if (found.length === 0) return session.terminal.out('no attempts yet')
  writeTable(session.terminal, attemptColumns(session), found)
}

async function rotate(
  session: Session,
  id: string,
  options: CommonOptions & { readonly overlap?: string },
): Promise<void> {
  await using exchange = await connect(session, options)
  const { body } = await call<{ readonly secret: unknown }>(exchange, 'POST', path(id, 'secrets', 'rotate'), {
    body: { overlap: options.overlap },
  })
  if (options.json) return writeJson(session, body)
  session.terminal.out(`new secret, shown this once: ${shown(body.secret)}`)
}

async function test(session: Session, id: string, options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const { body } = await call<{ readonly id: string }>(exchange, 'POST', path(id, 'test'))
  if (options.json) return writeJson(session, body)
  session.terminal.out(`sent: posthorn endpoint attempts ${id} --message ${body.id} shows what came of it`)
}

async function operate(session: Session, id: string, what: 'verify' | 'drill', options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const output = await finish(exchange, (await call<OperationView>(exchange, 'POST', path(id, what))).body)
  if (options.json) return writeJson(session, output)
  const { terminal } = session
  if (what === 'verify') {
    const said = isPending(output) ? terminal.style('yellow', 'asked') : terminal.style('green', 'granted')
    return terminal.out(`${said} ${JSON.stringify(output)}`)
  }
  const { steps, failed } = output as DrillView
  for (const { name, result, detail } of steps)
    terminal.out(`${terminal.style(COLOURS[result] ?? 'green', result.padEnd(7))} ${name}: ${detail}`)
  if (failed > 0)
    throw new CommandError('failed', 'drill-failed', `the receiver failed ${failed} of ${steps.length} drills`)
}

async function redeliver(session: Session, id: string, options: RedeliverOptions): Promise<void> {
  const { since, until, message, failedOnly, rate, dryRun } = options
  await using exchange = await connect(session, options)
  const body = {
    since,
    until,
    message,
    ...(failedOnly === true ? { failedOnly } : {}),
    ...(rate === undefined ? {} : { ratePerSecond: Number(rate) }),
    ...(dryRun === true ? { dryRun } : {}),
  }
  const started = await call<OperationView & { readonly matched: number }>(exchange, 'POST', path(id, 'redeliver'), {
    body,
  })
  const done =
    started.status === 200
      ? { matched: started.body.matched, sent: 0 }
      : ((await finish(exchange, started.body)) as { readonly matched: number; readonly sent: number })
  if (options.json) return writeJson(session, done)
  session.terminal.out(
    started.status === 200
      ? `${formatCount(done.matched)} events would be sent again`
      : `${formatCount(done.sent)} of ${formatCount(done.matched)} events are sent again`,
  )
}

/** Waits for an operation. @throws CommandError where it failed */
async function finish(exchange: Exchange, started: OperationView): Promise<unknown> {
  for (let operation = started; ;) {
    if (operation.done) {
      if (operation.status === 'succeeded') return operation.output
      const { detail, title } = operation.error ?? { title: operation.status }
      throw new CommandError('failed', 'operation-failed', detail ?? title)
    }
    operation = (await call<OperationView>(exchange, 'GET', operation.links.self, { query: { wait: '20' } })).body
  }
}

const COLOURS: Readonly<Record<string, 'red' | 'yellow'>> = { failed: 'red', skipped: 'yellow' }

/** The receiver has not said no, and may consent later. */
const isPending = (output: unknown): boolean => (output as { readonly pending?: true }).pending === true

const shown = (secret: unknown): string => (typeof secret === 'string' ? secret : JSON.stringify(secret))
