/** `posthorn work`: runs the handlers of a module, with no HTTP API for others. */
import type { Command } from 'commander'
import { parseDurationText } from '../core/duration.ts'
import type { Worker } from '../posthorn.ts'
import type { Server } from '../server/index.ts'
import { engineUrl } from './connect.ts'
import { createLineLog } from './log-line.ts'
import { loadModule } from './module.ts'
import { announceOwner, createOwnerKey } from './owner.ts'
import { listOf, MIN_FREE, openOptions, runUntilStopped, tell, type RunOptions } from './running.ts'
import type { Session } from './session.ts'
import { onStopSignal } from './stop-signal.ts'

export function addWork(program: Command, session: Session): void {
  program
    .command('work')
    .description('run the handlers of a module')
    .argument('<module>', 'default-exports handlers; JavaScript or TypeScript')
    .option('--grace <duration>', 'how long what runs may run on after the first signal', '25s')
    .option(...MIN_FREE)
    .action((module: string, _options: unknown, command: Command) => work(session, module, command.optsWithGlobals()))
}

async function work(session: Session, module: string, options: RunOptions): Promise<void> {
  parseDurationText(options.grace, '--grace')
  using stop = onStopSignal(session.clock, (exitCode) => session.kill(exitCode))
  const handlers = await loadModule(module, session.cwd)
  const url = engineUrl(session, options)
  const [{ open }, { serve: listen }] = await Promise.all([import('../posthorn.ts'), import('../server/index.ts')])
  const post = await open(url, {
    log: createLineLog(session.terminal, session.clock, options.json === true),
    ...openOptions(options),
  })
  let worker: Worker
  let server: Server | undefined
  try {
    worker = await post.work(handlers)
    // For commands of this machine alone: while this process holds the engine's folder, they come through here.
    const key = createOwnerKey()
    server = await listen(post, { port: 0, host: '127.0.0.1', key })
    await announceOwner(post, server, key)
  } catch (error) {
    await server?.stop({ graceMs: 0 })
    await post.close({ grace: 0 })
    throw error
  }
  const { terminal } = session
  tell(
    session,
    options,
    'working',
    { engine: url, queues: worker.queues, pid: process.pid },
    `${terminal.style('green', 'working')} on ${listOf(worker.queues)} · ${url}`,
  )
  await runUntilStopped(session, options, { post, server, worker }, stop)
}
