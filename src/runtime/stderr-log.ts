/** The log of a program that gave none: warnings and errors, a line each, on standard error. */
import { inspect } from 'node:util'
import { createLog, type Log } from './log.ts'

export function createStderrLog(): Log {
  return createLog((level, message, facts) => {
    if (level !== 'warn' && level !== 'error') return
    const rest = Object.keys(facts).length === 0 ? '' : ` ${inspect(facts, { breakLength: Infinity, depth: 3 })}`
    process.stderr.write(`posthorn ${level}: ${message}${rest}\n`)
  })
}
