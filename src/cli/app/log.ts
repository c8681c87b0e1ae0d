/** `posthorn app log`: who changed what of apps. */
import type { Command } from 'commander'
import { call, type Exchange } from '../api.ts'
import { connect } from '../connect.ts'
import { CommandError } from '../exit.ts'
import { formatLine } from '../format.ts'
import { writeJson, type CommonOptions, type Session } from '../session.ts'
import { writeTable } from '../table.ts'
import type { PageView } from '../view.ts'

interface LogOptions extends CommonOptions {
  readonly limit: string
}

interface EntryView {
  readonly event: {
    readonly type: string
    readonly subject: string
    readonly time: string
    readonly data: Readonly<Record<string, unknown>>
  }
}

export function addLog(app: Command, session: Session): void {
  app
    .command('log')
    .description('who changed what of apps, the latest last')
    .argument('[app]')
    .option('--limit <count>', 'the latest so many', '50')
    .action((name: string | undefined, _: unknown, command: Command) => log(session, name, command.optsWithGlobals()))
}

async function log(session: Session, name: string | undefined, options: LogOptions): Promise<void> {
  const limit = Number(options.limit)
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new CommandError(
      'usage',
      'invalid-option',
      `--limit is '${options.limit}': it must be a whole number above 0`,
    )
  await using exchange = await connect(session, options)
  const found = (await entries(exchange)).filter(({ event }) => name === undefined || event.subject === name)
  const latest = found.slice(-limit)
  if (options.json) return writeJson(session, { items: latest.map(({ event }) => event), next: null })
  const { terminal } = session
  if (latest.length === 0) return terminal.out(name === undefined ? 'no app was ever made' : `nothing of app ${name}`)
  writeTable(
    terminal,
    [
      { head: 'time', cell: ({ event }) => event.time.replace('T', ' ').slice(0, 19) },
      { head: 'app', cell: ({ event }) => event.subject },
      { head: 'act', cell: ({ event }) => event.type.replace('posthorn.app.', '') },
      { head: 'by', cell: ({ event }) => formatLine(String(event.data['by'])) },
      { head: 'facts', cell: ({ event }) => factsOf(event.data) },
    ],
    latest,
  )
}

async function entries(exchange: Exchange): Promise<readonly EntryView[]> {
  const found: EntryView[] = []
  try {
    for (let from: string | undefined, more = true; more;) {
      const { items, next } = (
        await call<PageView<EntryView>>(exchange, 'GET', '/v1/topics/system:audit/events', {
          query: { limit: '500', from },
        })
      ).body
      found.push(...items)
      from = next ?? undefined
      more = next !== null
    }
  } catch (error) {
    // Where nothing was ever done the topic keeps nothing yet.
    if (error instanceof CommandError && error.code === 'unsupported') return []
    throw error
  }
  return found
}

function factsOf(body: Readonly<Record<string, unknown>>): string {
  return Object.entries(body)
    .filter(([name, value]) => value !== null && name !== 'app' && name !== 'by')
    .map(([name, value]) => `${name}=${formatLine(typeof value === 'string' ? value : JSON.stringify(value), 200)}`)
    .join(' ')
}
