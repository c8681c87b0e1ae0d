/** `posthorn serve`: the HTTP API, and the handlers of a module. */
import type { Command } from 'commander'
import { parseDurationText } from '../core/duration.ts'
import type { Post, Worker } from '../posthorn.ts'
import type { Server } from '../server/index.ts'
import { engineUrl } from './connect.ts'
import { CommandError } from './exit.ts'
import { readKey } from './key.ts'
import { createLineLog } from './log-line.ts'
import { collect } from './match.ts'
import { loadModule, withoutHandlers } from './module.ts'
import { announceOwner, createOwnerKey } from './owner.ts'
import { listOf, MIN_FREE, openOptions, runUntilStopped, tell, type RunOptions } from './running.ts'
import type { Session } from './session.ts'
import { onStopSignal } from './stop-signal.ts'

interface ServeOptions extends RunOptions {
  readonly port: string
  readonly host: string
  readonly callbackAllow: readonly string[]
  readonly callbackAllowRange: readonly string[]
  readonly webhookOrigin: readonly string[]
  readonly publicUrl?: string | undefined
  readonly work: boolean
  readonly autoCreate: boolean
}

export function addServe(program: Command, session: Session): void {
  program
    .command('serve')
    .description('serve the HTTP API, and run the handlers of a module')
    .argument('[module]', 'default-exports handlers; JavaScript or TypeScript')
    .option('--port <port>', '0: any free one', '7070')
    .option('--host <address>', 'another than loopback needs a key', '127.0.0.1')
    .option(
      '--callback-allow <origin>',
      'completion callbacks may go there: https://hooks.example.com (repeatable)',
      collect,
      [],
    )
    .option(
      '--callback-allow-range <cidr>',
      'addresses that are not public and may be called back all the same (repeatable)',
      collect,
      [],
    )
    .option(
      '--webhook-origin <name>',
      'who may deliver events here as webhooks, by the CloudEvents handshake: events.example.com (repeatable)',
      collect,
      [],
    )
    .option(
      '--public-url <url>',
      'where this server is reached from outside: receivers that are asked whether they may be called consent there',
    )
    .option('--grace <duration>', 'how long what runs may run on after the first signal', '25s')
    .option(...MIN_FREE)
    .option('--no-work', 'do not run the handlers here; only serve their contracts')
    .option('--no-auto-create', 'a send to an unknown queue is refused')
    .action((module: string | undefined, _options: unknown, command: Command) =>
      serve(session, module, command.optsWithGlobals()),
    )
}

async function serve(session: Session, module: string | undefined, options: ServeOptions): Promise<void> {
  parseDurationText(options.grace, '--grace')
  using stop = onStopSignal(session.clock, (exitCode) => session.kill(exitCode))
  const port = parsePort(options.port)
  const key = readKey(session, options.keyFile)
  const work = module === undefined ? [] : await loadModule(module, session.cwd)
  const url = engineUrl(session, options)
  const log = createLineLog(session.terminal, session.clock, options.json === true)
  const { open } = await import('../posthorn.ts')
  const post = await open(url, { log, ...openOptions(options) })
  const ownerKey = createOwnerKey()
  let worker: Worker
  let server: Server | undefined
  try {
    worker = await post.work(options.work ? work : withoutHandlers(work, post))
    server = await listenAt(post, port, options, key === undefined ? [] : [key, ownerKey])
    await announceOwner(post, server, ownerKey)
  } catch (error) {
    await server?.stop({ graceMs: 0 })
    await post.close({ grace: 0 })
    throw error
  }
  const { queues } = worker
  tell(
    session,
    options,
    'listening',
    { url: server.url, engine: url, queues, pid: process.pid },
    sayListening(session, server.url, url, queues),
  )
  await runUntilStopped(session, options, { post, server, worker }, stop)
}

async function listenAt(post: Post, port: number, options: ServeOptions, keys: readonly string[]): Promise<Server> {
  const { serve: listen } = await import('../server/index.ts')
  try {
    return await listen(post, {
      port,
      host: options.host,
      callbackAllow: options.callbackAllow,
      callbackAllowRanges: options.callbackAllowRange,
      webhooks: options.webhookOrigin.length === 0 ? undefined : { origins: options.webhookOrigin },
      publicUrl: options.publicUrl,
      autoCreate: options.autoCreate,
      key: keys,
    })
  } catch (error) {
    throw explainListenError(error, options)
  }
}

function explainListenError(error: unknown, { port, host }: ServeOptions): unknown {
  const { code } = error as { readonly code?: unknown }
  if (code === 'EADDRINUSE') {
    return new CommandError(
      'failed',
      'port-taken',
      `port ${port} of ${host} is taken by another process`,
      ['Another port: --port N, or --port 0 for any free one.'],
      error,
    )
  }
  if (code === 'EACCES')
    return new CommandError(
      'failed',
      'port-forbidden',
      `port ${port} of ${host} is not allowed to this user`,
      ['Ports from 1024 on are free to all: --port 7070.'],
      error,
    )
  if (code === 'EADDRNOTAVAIL')
    return new CommandError(
      'usage',
      'invalid-option',
      `this machine has no address ${host}`,
      ['--host 127.0.0.1 is this machine alone, --host 0.0.0.0 every address of it.'],
      error,
    )
  return error
}

/** @throws CommandError `usage` */
function parsePort(text: string): number {
  const port = Number(text)
  if (text.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new CommandError('usage', 'invalid-option', `--port is '${text}': it must be a whole number from 0 to 65535`)
  }
  return port
}

function sayListening({ terminal }: Session, url: string, engine: string, queues: readonly string[]): string {
  const running = queues.length === 0 ? terminal.style('dim', 'no handlers run here') : `handlers for ${listOf(queues)}`
  return `${terminal.style('green', 'listening')} at ${terminal.style('bold', url)} · ${engine} · ${running}`
}
