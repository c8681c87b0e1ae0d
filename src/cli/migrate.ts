/** `posthorn migrate`: the schema of a database, ahead of the processes that use it. */
import type { Command } from 'commander'
import { migrate } from '../migrate.ts'
import { engineUrl } from './connect.ts'
import { countOf } from './format.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'

interface MigrateOptions extends CommonOptions {
  readonly dryRun?: boolean | undefined
}

export function addMigrate(program: Command, session: Session): void {
  program
    .command('migrate')
    .description('bring the schema of a PostgreSQL database to the version of this Posthorn')
    .option('--dry-run', 'change nothing; print the SQL')
    .action(async (_options: unknown, command: Command) => run(session, command.optsWithGlobals<MigrateOptions>()))
}

async function run(session: Session, options: MigrateOptions): Promise<void> {
  const { terminal } = session
  const isDryRun = options.dryRun === true
  const { schema, steps, script } = await migrate(engineUrl(session, options), isDryRun)
  if (options.json) return writeJson(session, { schema, steps, isDryRun })
  // What is printed can be given to psql as it is.
  if (isDryRun) terminal.out(script.trimEnd())
  else if (steps.length === 0) terminal.out(`schema '${schema}' is up to date`)
  else terminal.out(`${terminal.style('green', 'migrated')} schema '${schema}': ${countOf(steps.length, 'step')}`)
}
