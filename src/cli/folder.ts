/** `posthorn backup`, `restore` and `repair`: copies of the folder of a file engine. They need nobody that serves it. */
import type { Command } from 'commander'
import { existsSync } from 'node:fs'
import { backup, repair, restore, type BackupReport, type RepairReport } from '../backup.ts'
import { folderOf } from './connect.ts'
import { CommandError } from './exit.ts'
import { countOf, formatBytes } from './format.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'

interface ToOptions extends CommonOptions {
  readonly to: string
}

/** Losses of one kind that are told one by one; --json has them all. */
const MOST_TOLD = 20

export function addBackup(program: Command, session: Session): void {
  program
    .command('backup')
    .description('copy the folder of an engine as it is at one moment, while it is in use or not')
    .argument('<folder>')
    .requiredOption('--to <folder>', 'a folder that is new or empty')
    .action(async (from: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<ToOptions>()
      const report = await backup(existing(session, from), place(session, options.to), onProgress(session, 'copied'))
      tell(session, options, report, 'backed up')
    })
}

export function addRestore(program: Command, session: Session): void {
  program
    .command('restore')
    .description('make an engine from a backup: leases have lapsed, and old tokens are stale there')
    .argument('<backup>')
    .requiredOption('--to <folder>', 'a folder that is new or empty')
    .action(async (from: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<ToOptions>()
      const report = await restore(existing(session, from), place(session, options.to), onProgress(session, 'copied'))
      tell(session, options, report, 'restored')
    })
}

export function addRepair(program: Command, session: Session): void {
  program
    .command('repair')
    .description('save what can be read of a damaged folder into a new one, and say what is lost')
    .argument('<folder>')
    .requiredOption('--to <folder>', 'a folder that is new or empty')
    .action(async (from: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<ToOptions>()
      const report = await repair(existing(session, from), place(session, options.to), onProgress(session, 'saved'))
      if (!report.isWhole) session.exit = 'failed'
      if (options.json) return writeJson(session, report)
      tellRepair(session, report)
    })
}

/** A URL, but not of a file engine; a single letter is a drive. */
const OTHER_ENGINE = /^(?!file:)[a-z][a-z0-9+.-]+:/i

function place({ cwd }: Session, given: string): string {
  if (OTHER_ENGINE.test(given))
    throw new CommandError('usage', 'invalid-option', `'${given}' is no folder`, [
      'Backup, restore and repair are for the folders of file engines; a database has means of its own.',
    ])
  return folderOf(given.startsWith('file:') ? given : `file:${given}`, cwd) ?? given
}

function existing(session: Session, given: string): string {
  const folder = place(session, given)
  if (existsSync(folder)) return folder
  throw new CommandError('not-found', 'not-found', `there is no folder ${folder}`)
}

/** A line that is written over, on a terminal only. */
function onProgress({ terminal }: Session, word: string): { onProgress?: (done: number, total: number) => void } {
  if (!process.stderr.isTTY) return {}
  return {
    onProgress(done, total) {
      const percent = total === 0 ? 100 : Math.floor((done / total) * 100)
      process.stderr.write(`\r${terminal.style('dim', `${percent} % ${word}`)}${done >= total ? '\r\u001b[K' : ''}`)
    },
  }
}

function tell(session: Session, options: ToOptions, report: BackupReport, did: string): void {
  if (options.json) return writeJson(session, report)
  const { files, bytes, folder } = report
  session.terminal.out(
    `${session.terminal.style('green', did)} ${countOf(files, 'file')}, ${formatBytes(bytes)}, to ${folder}`,
  )
}

function tellRepair({ terminal }: Session, { isWhole, saved, lost, to }: RepairReport): void {
  const { messages, records, events, queues } = saved
  terminal.out(
    `${terminal.style('green', 'saved')} ${countOf(messages, 'message')} of ${countOf(queues, 'queue')}, ${countOf(records, 'record')}, ${countOf(events, 'retained event')} to ${to}`,
  )
  if (isWhole) return terminal.out('nothing was lost')
  const list = <T>(items: readonly T[], say: (item: T) => string): void => {
    for (const item of items.slice(0, MOST_TOLD)) terminal.out(`${terminal.style('red', 'lost')} ${say(item)}`)
    if (items.length > MOST_TOLD) terminal.out(`  and ${countOf(items.length - MOST_TOLD, 'more')} (all: --json)`)
  }
  list(lost.ranges, ({ file, from, until, what }) => `bytes ${from} to ${until} of ${file}: ${what}`)
  list(
    lost.frames,
    ({ first, last, after, before }) =>
      `commits in frames ${first} to ${last ?? '?'} of the log${after === null ? '' : `, after ${after}`}${before === null ? '' : `, before ${before}`}`,
  )
  list(lost.messages, ({ queue, id, why }) => `message ${id} of ${queue ?? 'an unknown queue'}: ${why}`)
  list(lost.records, ({ key, why }) => `record ${key}: ${why}`)
  list(lost.events, ({ topic, position }) => `event ${position} of topic ${topic}`)
  list(lost.subscriptions, ({ topic, name }) => `subscription ${name} of topic ${topic}`)
  if (lost.decisions > 0)
    terminal.out(`${terminal.style('red', 'left out')} ${countOf(lost.decisions, 'decision')} about what is lost`)
  terminal.out(
    terminal.style('dim', 'a message of which the end was lost may come again; the damaged folder is as it was'),
  )
}
