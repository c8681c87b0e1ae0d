/**
 * Brings a schema to the version that this engine knows: numbered steps, forward only, one process at a time. A step that programs before it cannot bear begins
 * an era: before it is run the column that all their transactions name is called otherwise, so that none of them does anything any more. A schema of a
 * newer era is refused; a newer version of the same era is not: its steps are such that this program is right beside them.
 */
import { PosthornError } from '../../../core/error.ts'
import type { Connection } from '../connection/driver.ts'
import { failureOf } from '../connection/failure.ts'
import { BEGIN } from '../connection/setting.ts'
import { quoteName, readMigrations, type Migration, type Statements } from '../sql/statement.ts'

/** Steps that are missing, as SQL, each a transaction of its own where the schema is in use. @throws PosthornError `newer-format` */
export async function pendingMigrations(
  connection: Connection,
  statements: Statements,
  steps: readonly Migration[] = readMigrations(),
): Promise<readonly string[]> {
  return (await pendingOf(connection, statements, steps)).texts
}

/** The same as SQL that can be given to psql as it is: none of it is run where what is before it was not, whatever psql does after an error. */
export async function migrationScript(
  connection: Connection,
  statements: Statements,
  lockKey: number,
): Promise<string> {
  const { isNew, texts, states } = await pendingOf(connection, statements, readMigrations())
  const some = isNew ? [texts.join('')] : texts.map((text, at) => statements.fill(guardOf(states[at]!)) + text)
  return some.map((text) => `${beginning(lockKey)};\n${text}commit;\n`).join('')
}

const guardOf = ({ version, era }: State): string => `do $$ begin
  if (select max(number) from {schema}.migration) <> ${version} then raise exception 'the step before it is not ${version}'; end if;
${era === 0 ? '' : `  perform from {schema}.queue where false and era_${era};\n`}end $$;
`

/** For who only looks, or brings a message. @throws PosthornError `invalid` where the steps that are missing would stop older processes */
export async function refuseNewEra(
  connection: Connection,
  statements: Statements,
  steps: readonly Migration[] = readMigrations(),
): Promise<void> {
  const { begins } = await pendingOf(connection, statements, steps)
  if (begins === null) return
  const { schema } = statements
  throw new PosthornError(
    'invalid',
    `schema '${schema}' is older than this program: to use it would begin era ${begins} and stop all processes of older versions. When they may stop, run \`posthorn migrate\``,
    { details: { schema, begins } },
  )
}

interface Pending {
  /** Nobody uses the schema yet. */
  readonly isNew: boolean
  /** The last of the eras that the steps begin where the schema is in use; null: none. */
  readonly begins: number | null
  readonly texts: readonly string[]
  /** What each of them is for, where the schema is in use. */
  readonly states: readonly State[]
}

async function pendingOf(
  connection: Connection,
  statements: Statements,
  steps: readonly Migration[],
): Promise<Pending> {
  const state = await stateOf(connection, statements)
  const known = Math.max(0, ...steps.map((step) => step.era ?? 0))
  if (state.era > known) throw newerFormat(statements, state, known)
  const isNew = state.version === 0
  const base = !isNew ? [] : [(await isThere(connection, SCHEMA, statements.schema)) ? NUMBERS : MAKE + NUMBERS]
  let { era } = state
  const states: State[] = []
  const texts = steps.slice(state.version).flatMap(({ number, text, era: begun }) => {
    const version = number - 1
    const noted = `${text.trimEnd()}\ninsert into {schema}.migration (number) values (${number});\n`
    const closed = era
    states.push({ version, era })
    if (begun === null || begun <= era) return [noted]
    era = begun
    // The first makes the column.
    if (closed === 0) return [noted]
    states.push({ version, era })
    return [closing(closed, begun), noted]
  })
  return {
    isNew,
    states,
    begins: isNew || era === state.era ? null : era,
    texts: [...base, ...texts].map((text) => statements.fill(text)),
  }
}

/** Waits for all transactions of the programs of that era, and from then on they fail. */
const closing = (from: number, to: number): string => `-- Closed to programs of era ${from}.
alter table {schema}.queue rename column era_${from} to era_${to};
`

/** A role without the right to make one is refused even where the schema is there. */
const MAKE = 'create schema if not exists {schema};\n'
const NUMBERS = `create table if not exists {schema}.migration (number int primary key, at timestamptz not null default now());
`

/** Among the schema's locks: 0 is that of decisions, -1 that of bodies that nobody needs, and each process has that of its number. */
const LOCK = -2
/** A step waits so long for what others have locked: behind it everybody waits. */
const PATIENCE = '1s'
/** Without the step's locks, but with the one of migrations: or whoever else is at it would ask for them at once. */
const PAUSE = 'rollback to savepoint step; select pg_sleep(0.3)'
const TRIES = 100

const beginning = (lockKey: number): string =>
  `${BEGIN}; set local statement_timeout = 0; set local lock_timeout = 0;
select pg_advisory_xact_lock(${lockKey}, ${LOCK}); set local lock_timeout = '${PATIENCE}'`

export async function migrate(
  connection: Connection,
  statements: Statements,
  lockKey: number,
  steps: readonly Migration[] = readMigrations(),
): Promise<void> {
  // Another process's steps, which are waited for, and a step of a large schema may take hours.
  const ask = (text: string): Promise<unknown> => connection.query({ name: null, text, isPatient: true })
  let tries = 0
  while ((await pendingOf(connection, statements, steps)).texts.length > 0) {
    try {
      await ask(`${beginning(lockKey)}; savepoint step`)
      // Another process may have been faster. Each step of a schema in use ends before the next: who waits for several things may wait in a circle.
      const { isNew, texts } = await pendingOf(connection, statements, steps)
      for (const text of isNew ? texts : texts.slice(0, 1)) await ask(text)
      await ask('commit')
    } catch (error) {
      const isOver = failureOf(error) !== 'passing' || ++tries === TRIES
      if (!isOver) await ask(PAUSE).catch(() => {})
      await ask('rollback').catch(() => {})
      if (isOver) throw error
    }
  }
}

/** What the server says of a statement that names what is not there under that name, or has other columns now, and of those behind it. */
const CHANGED = new Set(['42703', '42P01', '42883', '0A000', '25P02'])

/** What to tell whoever's statement failed as the schema is of a newer era; null where that is not why. */
export async function explainFailure(
  error: unknown,
  connection: Connection,
  statements: Statements,
): Promise<PosthornError | null> {
  if (typeof error !== 'object' || error === null || !('code' in error) || !CHANGED.has(String(error.code))) return null
  try {
    const state = await stateOf(connection, statements)
    return state.era > statements.era ? newerFormat(statements, state, statements.era) : null
  } catch {
    return null
  }
}

const newerFormat = ({ schema }: Statements, { version, era }: State, known: number): PosthornError =>
  new PosthornError(
    'newer-format',
    `schema '${schema}' is newer than this program: it is of era ${era} (version ${version}), and this Posthorn knows era ${known}. Deploy the newer Posthorn`,
    { details: { schema, version, era, known } },
  )

interface State {
  /** The last step that was run. */
  readonly version: number
  readonly era: number
}

const SCHEMA = 'select from pg_catalog.pg_namespace where nspname = $1'
const TABLE = "select from pg_catalog.pg_tables where schemaname = $1 and tablename = 'migration'"
const ERA = `select coalesce(max(substr(a.attname, 5)::int), 0) as number
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid and c.relname = 'queue'
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and a.attname ~ '^era_[0-9]+$' and not a.attisdropped`

async function isThere(connection: Connection, what: string, schema: string): Promise<boolean> {
  const { rows } = await connection.query({ name: null, text: `select exists (${what}) as is_there` }, [schema])
  return rows[0]?.is_there === true
}

async function stateOf(connection: Connection, { schema }: Statements): Promise<State> {
  // Not to_regclass: it may answer from before another process's schema was there.
  if (!(await isThere(connection, TABLE, schema))) return { version: 0, era: 0 }
  // First: who finds a column finds the step that made it.
  const era = await connection.query({ name: null, text: ERA }, [schema])
  const version = await connection.query(
    { name: null, text: `select coalesce(max(number), 0) as version from ${quoteName(schema)}.migration` },
    [],
  )
  return { version: version.rows[0]!.version as number, era: era.rows[0]!.number as number }
}
