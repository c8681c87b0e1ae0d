// The options of `npm start -- …`.

import { parseArgs } from 'node:util'

export interface Options {
  /** Undefined: a new folder, removed at the end. */
  readonly data: string | undefined
  /** URL of the engine. Undefined: a file engine in that folder. */
  readonly engine: string | undefined
  /** Undefined: 7070, or the next free one. */
  readonly port: number | undefined
  /** Webhooks a second. */
  readonly rate: number
  /** End after the table instead of staying up. */
  readonly once: boolean
  /** Undefined: both halves, one after the other. */
  readonly only: Half | undefined
}

/** `intake`: webhooks are taken in, worked on and called back. `fan-out`: events go out to three apps. */
export type Half = 'intake' | 'fan-out'

const USAGE = `npm start -- [--data DIR] [--engine URL] [--port 7070] [--rate 50] [--once] [--only HALF]

  --data DIR   keep everything in this folder, and go on from what is there (default: a new one, removed at the end)
  --engine URL where the messages are, like sqlite:./platform.db (default: file:DIR in that folder)
  --port N     of the server (default: 7070, or the next free one)
  --rate N     webhooks a second (default: 50)
  --once       end after the tables; exit code 1 if a check failed
  --only HALF  intake: webhooks taken in, worked on, called back; fan-out: events for three third-party apps`

/** Ends the program where they are wrong, and for --help. */
export function parseOptions(): Options {
  try {
    const values = parse()
    return values.help ? end(USAGE, 0) : toOptions(values)
  } catch (error) {
    return end(`${(error as Error).message}\n\n${USAGE}`, 2)
  }
}

function end(text: string, exitCode: number): never {
  console.error(text)
  process.exit(exitCode)
}

const parse = () =>
  parseArgs({
    options: {
      data: { type: 'string' },
      engine: { type: 'string' },
      port: { type: 'string' },
      rate: { type: 'string', default: '50' },
      once: { type: 'boolean', default: false },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values

function toOptions({ data, engine, port, rate, once, only }: ReturnType<typeof parse>): Options {
  return {
    data,
    engine,
    port: port === undefined ? undefined : parseCount('--port', port),
    rate: parseCount('--rate', rate),
    once,
    only: only === undefined ? undefined : parseHalf(only),
  }
}

function parseCount(name: string, text: string): number {
  const count = Number(text)
  if (!Number.isFinite(count) || count <= 0) throw new Error(`${name} is '${text}': it must be a number above 0`)
  return count
}

function parseHalf(text: string): Half {
  if (text !== 'intake' && text !== 'fan-out') throw new Error(`--only is '${text}': it must be intake or fan-out`)
  return text
}
