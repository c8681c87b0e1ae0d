// What the long programs and the benchmarks are called with: all of them say what they take when asked for help, and when they are given something else.

import { parseArgs } from 'node:util'

/** The values of the options with these names. Ends the process on `--help`, and where it is given any other. */
export function readCommandLine<const Name extends string>(
  usage: string,
  names: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }] as const))
  try {
    const { help, ...values } = parseArgs({ options: { ...options, help: { type: 'boolean' } } }).values
    if (help !== true) return values as Partial<Record<Name, string>>
    console.log(usage)
    process.exit(0)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}
