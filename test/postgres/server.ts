// Finds a PostgreSQL for tests: the URL in POSTHORN_TEST_POSTGRES, else the standard port here, else an installed program that is
// started in a temporary folder; else there is none, and the reason says so.

import { answers, installedPrograms, OwnServer } from './own-server.ts'

export interface TestServer {
  readonly url: string
  /** Ends it, where it was started for the test. */
  stop(): Promise<void>
}

const STANDARD = 'postgres://postgres@127.0.0.1:5432/test'

/** Of the server that stays when the tests are over, whether there is one or not. */
export const serverUrl = (): string => process.env['POSTHORN_TEST_POSTGRES'] ?? STANDARD

/** @returns why there is none, as a text that begins with the engine's name. Where one is required, that is a failure. */
export async function findPostgres(): Promise<TestServer | string> {
  const isGiven = process.env['POSTHORN_TEST_POSTGRES'] !== undefined
  const found = isGiven || (await answers(serverUrl())) ? at(serverUrl()) : await start()
  const isRequired = (process.env['POSTHORN_TEST_REQUIRE'] ?? '').split(',').includes('postgres')
  if (typeof found === 'string' && isRequired)
    throw new Error(`POSTHORN_TEST_REQUIRE names postgres, but there is none. ${found}`)
  return found
}

const at = (url: string): TestServer => ({ url, stop: () => Promise.resolve() })

async function start(): Promise<TestServer | string> {
  const programs = installedPrograms()
  if (programs === null) return 'postgres: nobody answers at 127.0.0.1:5432, and none is installed'
  const own = await OwnServer.create(programs)
  await own.start()
  return { url: own.url, stop: () => own.remove() }
}
