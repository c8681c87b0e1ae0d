/** `posthorn app …`: third parties of the platform, what they may, and their keys. */
import type { Command } from 'commander'
import { call, type Exchange } from '../api.ts'
import { connect } from '../connect.ts'
import { CommandError } from '../exit.ts'
import { formatBytes, formatCount, formatMoment } from '../format.ts'
import { writeJson, type CommonOptions, type Session } from '../session.ts'
import { writeFacts, writeTable, type Column } from '../table.ts'
import type { PageView } from '../view.ts'
import { addKeyCommands } from './key.ts'
import { addLog } from './log.ts'
import { appPath, byOf, repeat, sayKey, stateOfKey, type AppView, type KeyView, type NewKeyView } from './view.ts'

interface SettingOptions extends CommonOptions {
  readonly title?: string
  readonly scope?: readonly string[]
  readonly quota?: readonly string[]
  readonly maxPriority?: string
  readonly source?: string
  readonly callbackOrigin?: readonly string[]
  readonly key?: boolean
}

interface DeleteOptions extends CommonOptions {
  readonly force?: boolean
}

const AFTER = `
Scopes are KIND:PATTERN or KIND:PATTERN:VERBS; '*' is one segment of a name, '**' any number:
  queue:**                 all of its own queues (verbs: send, lease, read, manage)
  task:image.*:start,read  call the tasks image.resize, image.crop, … (start, read, cancel)
  topic:orders:subscribe   subscribe to the topic orders (publish, subscribe, read)
  endpoint:**              its own endpoints (read, manage)

  posthorn app create acme --scope 'queue:**' --scope task:resize`

export function addApp(program: Command, session: Session): void {
  const app = program.command('app').description('third parties of the platform: what they may, and their keys')
  app.addHelpText('after', AFTER)
  withSettings(app.command('create').description('make an app, and its first key').argument('<app>'))
    .option('--no-key', 'make no key yet')
    .action((name: string, _: unknown, command: Command) => create(session, name, command.optsWithGlobals()))
  app
    .command('list')
    .description('list the apps')
    .action((_: unknown, command: Command) => list(session, command.optsWithGlobals()))
  app
    .command('show')
    .description('show an app: what it may, its keys, what it has stored')
    .argument('<app>')
    .action((name: string, _: unknown, command: Command) => show(session, name, command.optsWithGlobals()))
  withSettings(app.command('set').description('change what an app is and may').argument('<app>')).action(
    (name: string, _: unknown, command: Command) => set(session, name, command.optsWithGlobals()),
  )
  for (const verb of ['pause', 'resume'] as const)
    app
      .command(verb)
      .description(
        verb === 'pause'
          ? 'refuse the keys of an app and hold its endpoints; what it has sent goes on'
          : 'take its keys again',
      )
      .argument('<app>')
      .action((name: string, _: unknown, command: Command) => turn(session, name, verb, command.optsWithGlobals()))
  app
    .command('delete')
    .description('end an app and its keys')
    .argument('<app>')
    .option('--force', 'also if it still has messages, subscriptions or operations: they are discarded')
    .action((name: string, _: unknown, command: Command) => remove(session, name, command.optsWithGlobals()))
  addKeyCommands(app, session)
  addLog(app, session)
}

function withSettings(command: Command): Command {
  return command
    .option('--title <text>', 'for people')
    .option('--scope <scope>', "what its keys may, like 'task:image.*:start' (repeatable)", repeat)
    .option('--quota <name=number>', 'ratePerSecond, concurrency, bytes, operations, … (repeatable)', repeat)
    .option('--max-priority <0-9>', 'what it sends has no higher one; default 4')
    .option('--source <uri>', 'CloudEvents source of what it sends; default /apps/NAME')
    .option('--callback-origin <url>', 'where completion callbacks of its operations may go (repeatable)', repeat)
}

/** @throws CommandError `usage` */
function settingsOf(options: SettingOptions): Record<string, unknown> {
  const { title, scope, quota, maxPriority, source, callbackOrigin } = options
  return {
    ...(title === undefined ? {} : { title }),
    ...(scope === undefined ? {} : { scopes: scope }),
    ...(quota === undefined ? {} : { quotas: Object.fromEntries(quota.map(parseQuota)) }),
    ...(maxPriority === undefined ? {} : { maxPriority: Number(maxPriority) }),
    ...(source === undefined ? {} : { source }),
    ...(callbackOrigin === undefined ? {} : { callbackOrigins: callbackOrigin }),
  }
}

function parseQuota(text: string): readonly [string, number] {
  const [, name, value] = /^(\w+)=(\d+(?:\.\d+)?)$/.exec(text) ?? []
  if (name === undefined)
    throw new CommandError(
      'usage',
      'invalid-option',
      `--quota is '${text}': it must be NAME=NUMBER, like bytes=1000000`,
    )
  return [name, Number(value)]
}

async function create(session: Session, name: string, options: SettingOptions): Promise<void> {
  const body = { name, ...settingsOf(options) }
  await using exchange = await connect(session, options, { create: true })
  const app = (await call<AppView>(exchange, 'POST', '/v1/apps', { body, headers: byOf(session) })).body
  const key = options.key === false ? null : await addFirstKey(session, exchange, name)
  if (options.json) return writeJson(session, key === null ? app : { ...app, key: key.key, keys: [keyOf(key)] })
  const { terminal } = session
  terminal.out(`${terminal.style('green', 'created')} app ${name}: ${sayScopes(app.scopes)}`)
  if (key !== null) sayKey(session, key)
}

async function addFirstKey(session: Session, exchange: Exchange, name: string): Promise<NewKeyView> {
  return (await call<NewKeyView>(exchange, 'POST', appPath(name, 'keys'), { headers: byOf(session) })).body
}

const keyOf = ({ id, note, scopes, createdAt, expiresAt }: NewKeyView): KeyView => ({
  id,
  note,
  scopes,
  createdAt,
  expiresAt,
})

async function list(session: Session, options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const found: AppView[] = []
  for (let after: string | undefined, more = true; more;) {
    const { items, next } = (
      await call<PageView<AppView>>(exchange, 'GET', '/v1/apps', { query: { limit: '500', after } })
    ).body
    found.push(...items)
    after = next ?? undefined
    more = next !== null
  }
  if (options.json) return writeJson(session, { items: found, next: null })
  if (found.length === 0)
    return session.terminal.out(`no apps yet at ${exchange.where}: posthorn app create NAME --scope 'queue:**'`)
  writeTable(session.terminal, columns(session), found)
}

function columns({ terminal, clock }: Session): readonly Column<AppView>[] {
  const live = (app: AppView) => app.keys.filter((key) => stateOfKey(key, clock) !== 'expired').length
  return [
    { head: 'app', cell: ({ name }) => name },
    {
      head: 'state',
      cell: (app) => (stateOf(app) === 'active' ? 'active' : terminal.style('yellow', stateOf(app))),
    },
    {
      head: 'keys',
      align: 'right',
      cell: (app) => (live(app) === 0 ? terminal.style('dim', '0') : formatCount(live(app))),
    },
    { head: 'may', cell: ({ scopes }) => (scopes.length === 0 ? terminal.style('dim', '-') : scopes.join(' ')) },
  ]
}

const stateOf = ({ paused, deleting }: AppView): string => (deleting ? 'deleting' : paused ? 'paused' : 'active')

async function show(session: Session, name: string, options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const app = (await call<AppView>(exchange, 'GET', appPath(name))).body
  if (options.json) return writeJson(session, app)
  const { terminal, clock } = session
  const { usage, quotas } = app
  const of = (quota: string, say: (count: number) => string = formatCount): string =>
    `${say(usage?.[quota] ?? 0)} of ${say(quotas[quota] ?? 0)}`
  writeFacts(terminal, [
    ['app', `${app.name}${app.title === null ? '' : ` (${app.title})`}`],
    ['state', stateOf(app)],
    ['made', formatMoment(Date.parse(app.createdAt), clock.wallMs())],
    ['may', sayScopes(app.scopes)],
    ['sends as', `${app.source}, priority up to ${app.maxPriority}`],
    ['callbacks to', app.callbackOrigins.length === 0 ? 'nowhere' : app.callbackOrigins.join(' ')],
    ['asks', `up to ${quotas['ratePerSecond']} requests a second, ${quotas['concurrency']} at once`],
    ['has', `${of('queues')} queues, ${of('subscriptions')} subscriptions, ${of('endpoints')} endpoints`],
    ['stores', `${of('bytes', formatBytes)}, ${of('operations')} operations under way`],
  ])
  terminal.out('')
  if (app.keys.length === 0) return terminal.out(`no keys: posthorn app key add ${name}`)
  writeTable(terminal, keyColumns(session), app.keys)
}

function keyColumns({ terminal, clock }: Session): readonly Column<KeyView>[] {
  const none = terminal.style('dim', '-')
  return [
    { head: 'key', cell: ({ id }) => id },
    {
      head: 'expires',
      cell: (key) => {
        if (key.expiresAt === null) return 'never'
        const moment = formatMoment(Date.parse(key.expiresAt), clock.wallMs())
        return stateOfKey(key, clock) === 'valid' ? moment : terminal.style('yellow', moment)
      },
    },
    { head: 'made', cell: ({ createdAt }) => formatMoment(Date.parse(createdAt), clock.wallMs()) },
    { head: 'note', cell: ({ note }) => note ?? none },
    { head: 'only', cell: ({ scopes }) => (scopes === null ? none : scopes.join(' ')) },
  ]
}

async function set(session: Session, name: string, options: SettingOptions): Promise<void> {
  const body = settingsOf(options)
  if (Object.keys(body).length === 0)
    throw new CommandError('usage', 'invalid-option', 'nothing to change was given', [
      `posthorn app set ${name} --scope 'queue:**' --quota bytes=1000000`,
    ])
  await using exchange = await connect(session, options)
  const app = (await call<AppView>(exchange, 'PATCH', appPath(name), { body, headers: byOf(session) })).body
  if (options.json) return writeJson(session, app)
  session.terminal.out(`${session.terminal.style('green', 'changed')} app ${name}: ${sayScopes(app.scopes)}`)
}

async function turn(session: Session, name: string, verb: 'pause' | 'resume', options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  const app = (await call<AppView>(exchange, 'POST', appPath(name, verb), { headers: byOf(session) })).body
  if (options.json) return writeJson(session, app)
  const { terminal } = session
  terminal.out(
    verb === 'pause'
      ? `${terminal.style('yellow', 'paused')} app ${name}: its keys are refused, what is due to its endpoints waits; what it has sent goes on`
      : `${terminal.style('green', 'resumed')} app ${name}`,
  )
}

async function remove(session: Session, name: string, options: DeleteOptions): Promise<void> {
  await using exchange = await connect(session, options)
  await call(exchange, 'DELETE', appPath(name), {
    headers: byOf(session),
    query: { force: options.force === true ? 'true' : undefined },
  })
  if (options.json) return writeJson(session, { app: name, deleted: true })
  session.terminal.out(`${session.terminal.style('green', 'deleted')} app ${name}; its keys are void`)
}

const sayScopes = (scopes: readonly string[]): string =>
  scopes.length === 0 ? 'may nothing yet (posthorn app set … --scope)' : scopes.join(' ')
