/** `posthorn app key …`: keys of an app, each shown once. */
import type { Command } from 'commander'
import { call } from '../api.ts'
import { connect } from '../connect.ts'
import { writeJson, type CommonOptions, type Session } from '../session.ts'
import { appPath, byOf, repeat, sayKey, type NewKeyView } from './view.ts'

interface KeyOptions extends CommonOptions {
  readonly note?: string
  readonly scope?: readonly string[]
  readonly expires?: string
  readonly overlap?: string
}

export function addKeyCommands(app: Command, session: Session): void {
  const key = app.command('key').description('keys of an app: add, rotate, revoke')
  key
    .command('add')
    .description('make a further key; it is shown this once')
    .argument('<app>')
    .option('--note <text>', 'what it is for')
    .option('--scope <scope>', 'only this of what the app may (repeatable)', repeat)
    .option('--expires <when>', 'a duration or a time; default: never')
    .action((name: string, _: unknown, command: Command) => add(session, name, command.optsWithGlobals()))
  key
    .command('rotate')
    .description('make a key in place of another, which is good for a while yet')
    .argument('<app>')
    .argument('<key>', 'its id, as `app show` lists it; not the key itself')
    .option('--overlap <duration>', 'how long the old key is still good; default 1d')
    .option('--expires <when>', 'when the new key expires: a duration or a time; default: never')
    .action((name: string, id: string, _: unknown, command: Command) =>
      rotate(session, name, id, command.optsWithGlobals()),
    )
  key
    .command('revoke')
    .description('void a key, everywhere within five seconds')
    .argument('<app>')
    .argument('<key>', 'its id')
    .action((name: string, id: string, _: unknown, command: Command) =>
      revoke(session, name, id, command.optsWithGlobals()),
    )
}

async function add(session: Session, name: string, options: KeyOptions): Promise<void> {
  const { note, scope: scopes, expires } = options
  await using exchange = await connect(session, options)
  const body = { note, scopes, expires }
  const key = (await call<NewKeyView>(exchange, 'POST', appPath(name, 'keys'), { body, headers: byOf(session) })).body
  if (options.json) return writeJson(session, key)
  session.terminal.err(`${session.terminal.style('green', 'added')} a key to app ${name}`)
  sayKey(session, key)
}

async function rotate(session: Session, name: string, id: string, options: KeyOptions): Promise<void> {
  const { overlap, expires } = options
  await using exchange = await connect(session, options)
  const path = appPath(name, 'keys', id, 'rotate')
  const key = (await call<NewKeyView>(exchange, 'POST', path, { body: { overlap, expires }, headers: byOf(session) }))
    .body
  if (options.json) return writeJson(session, key)
  const { terminal } = session
  terminal.err(`${terminal.style('green', 'rotated')} ${id} of app ${name}: it is good for another ${overlap ?? '1d'}`)
  sayKey(session, key)
}

async function revoke(session: Session, name: string, id: string, options: CommonOptions): Promise<void> {
  await using exchange = await connect(session, options)
  await call(exchange, 'DELETE', appPath(name, 'keys', id), { headers: byOf(session) })
  if (options.json) return writeJson(session, { app: name, id, revoked: true })
  session.terminal.out(
    `${session.terminal.style('green', 'revoked')} ${id} of app ${name}, everywhere within five seconds`,
  )
}
