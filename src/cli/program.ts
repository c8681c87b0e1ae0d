/** The command line as a whole: every command with its options. docs/reference/cli.md lists them, held true by a test. */
import { Command, CommanderError } from 'commander'
import { addApp } from './app/app.ts'
import { addCompletion } from './completion.ts'
import { addCopy } from './copy.ts'
import { addDead } from './dead.ts'
import { addDoctor } from './doctor.ts'
import { addEndpoint } from './endpoint.ts'
import { addMigrate } from './migrate.ts'
import { addPublish } from './publish.ts'
import { addBackup, addRepair, addRestore } from './folder.ts'
import { addQueues } from './queues.ts'
import { addPurge, addRedrive } from './redrive.ts'
import { addSend } from './send.ts'
import { addServe } from './serve.ts'
import type { Session } from './session.ts'
import { addShow } from './show.ts'
import { addTail } from './tail.ts'
import { addTopics, addUnsubscribe } from './topics.ts'
import { addWork } from './work.ts'

export { CommanderError }

const AFTER = `
Engine: --engine URL, else POSTHORN_URL, else file:./.posthorn. A URL is file:DIR, sqlite:FILE,
postgres://HOST/DATABASE, memory: (for serve and work), or the address of a server
(http://127.0.0.1:7070; its key in POSTHORN_KEY or --key-file). A folder that \`posthorn serve\` or
\`posthorn work\` holds is reached through that process.

First steps:
  posthorn serve worker.ts               run the handlers of a module and the HTTP API
  posthorn send task:resize '{"id":1}'   call a task
  posthorn queues                        see what waits, and what is dead`

export interface ProgramOptions {
  /** Nothing is said of a wrong command line: who runs the program tells it as JSON. */
  readonly asJson?: boolean | undefined
}

export function createProgram(session: Session, version: string, { asJson = false }: ProgramOptions = {}): Command {
  const program = new Command('posthorn')
    .description('durable tasks, queues, callbacks and async APIs')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .option('--engine <url>', 'where the messages are')
    .option('--key-file <file>', 'holds the key of the server')
    .option('--json', 'results as one JSON value on one line; errors as a problem (RFC 9457)')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => session.terminal.out(text.trimEnd()),
      writeErr: (text) => session.terminal.err(text.trimEnd()),
      outputError: (text, write) => {
        if (!asJson) write(text.replace(/^error: /, 'posthorn: '))
      },
    })
    .configureHelp({ showGlobalOptions: true, styleTitle: (text) => session.terminal.style('bold', text) })
    .addHelpText('after', AFTER)
  for (const add of [
    addServe,
    addWork,
    addSend,
    addPublish,
    addQueues,
    addTopics,
    addShow,
    addTail,
    addDead,
    addRedrive,
    addPurge,
    addUnsubscribe,
    addEndpoint,
    addApp,
    addBackup,
    addRestore,
    addRepair,
    addCopy,
    addMigrate,
    addDoctor,
    addCompletion,
  ])
    add(program, session)
  settle(program)
  return program
}

/** Commands have the program's settings, however deep they are. */
function settle(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent).helpOption('-h, --help', 'print this help').helpCommand(false)
    settle(command)
  }
}
