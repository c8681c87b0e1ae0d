/** `posthorn completion`: a script for the shell, made from the commands and options that there are. */
import { Argument, type Command } from 'commander'
import { call, type Exchange } from './api.ts'
import { toBash } from './completion/bash.ts'
import { toFish } from './completion/fish.ts'
import { modelOf, QUEUES } from './completion/model.ts'
import { toZsh } from './completion/zsh.ts'
import { connectToServer, engineUrl, folderOf } from './connect.ts'
import { readHolder } from './holder.ts'
import { readKey } from './key.ts'
import type { CommonOptions, Session } from './session.ts'
import type { PageView, QueueView } from './view.ts'

const SHELLS = { bash: toBash, zsh: toZsh, fish: toFish } as const
/** Whoever presses Tab does not wait longer. */
const PATIENCE_MS = 1_000

export function addCompletion(program: Command, session: Session): void {
  program
    .command('completion')
    .description('print what makes a shell complete commands, options and queues')
    .addArgument(new Argument('<shell>').choices(Object.keys(SHELLS)))
    .action((shell: keyof typeof SHELLS) => session.terminal.out(SHELLS[shell](modelOf(program)).trimEnd()))
  program
    .command(QUEUES, { hidden: true })
    .action((_options: unknown, command: Command) => printQueues(session, command.optsWithGlobals()))
}

/** What cannot be had at once is not completed: an engine that nobody has open is not opened for it. */
async function printQueues(session: Session, options: CommonOptions): Promise<void> {
  const exchange = whoAnswers(session, options)
  if (exchange === null) return
  const patience = new AbortController()
  using _timer = session.clock.timer(PATIENCE_MS, () => patience.abort())
  try {
    const query = { limit: '500' }
    const { body } = await call<PageView<QueueView>>(exchange, 'GET', '/v1/queues', { query, signal: patience.signal })
    for (const { queue } of body.items) session.terminal.out(queue)
  } catch {
    // Nothing is completed, and nothing is said into the line that is being typed.
  }
}

function whoAnswers(session: Session, options: CommonOptions): Exchange | null {
  const url = engineUrl(session, options)
  if (/^https?:/.test(url)) return connectToServer(url, readKey(session, options.keyFile), url)
  const folder = folderOf(url, session.cwd)
  const holder = folder === null ? null : readHolder(folder)
  return holder?.address == null ? null : connectToServer(holder.address, holder.key, url)
}
