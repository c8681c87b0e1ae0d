// docs/reference/cli.md says what the command does: its tables are compared with the command itself.
// `POSTHORN_WRITE_DOCS=1 node --test test/cli/reference.test.ts` writes them anew.

import { equal } from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Command, Option } from 'commander'
import { EXIT_CODES } from '../../src/cli/exit.ts'
import { createProgram } from '../../src/cli/program.ts'
import { createSession } from '../../src/cli/session.ts'

const file = join(import.meta.dirname, '../../docs/reference/cli.md')
const program = createProgram(createSession(), '0.0.0')
// Those for scripts only are shown to nobody.
const commands = program.commands.filter((command) => !command.name().startsWith('__')).flatMap(leavesOf)

const tables: Readonly<Record<string, readonly string[]>> = {
  'commands': [
    '| Command | Does |',
    '|---|---|',
    ...commands.map((command) => `| \`${usageOf(command)}\` | ${command.description()} |`),
  ],
  'options': [
    '| Command | Option | Meaning |',
    '|---|---|---|',
    ...program.options.filter(({ long }) => long !== '--version').map((option) => rowOf('every', option)),
    ...commands.flatMap((command) => command.options.map((option) => rowOf(`\`${pathOf(command)}\``, option))),
  ],
  'exit codes': [
    '| Exit code | Meaning |',
    '|---|---|',
    ...Object.values(EXIT_CODES).map(({ code, meaning }) => `| ${code} | ${meaning} |`),
  ],
}

for (const [name, lines] of Object.entries(tables)) {
  test(`docs/reference/cli.md lists the ${name}`, () => {
    const text = readFileSync(file, 'utf8')
    const begin = `<!-- ${name} -->\n`
    const end = `<!-- /${name} -->`
    const [before, rest] = text.split(begin)
    const [found, after] = rest?.split(end) ?? []
    if (process.env['POSTHORN_WRITE_DOCS']) writeFileSync(file, `${before}${begin}${lines.join('\n')}\n${end}${after}`)
    else equal(found, `${lines.join('\n')}\n`)
  })
}

function usageOf(command: Command): string {
  const args = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  )
  return ['posthorn', pathOf(command), ...args].join(' ')
}

/** Commands that do something themselves. */
function leavesOf(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)
}

function pathOf(command: Command): string {
  const { parent } = command
  return parent === null || parent === program ? command.name() : `${pathOf(parent)} ${command.name()}`
}

function rowOf(command: string, { flags, description, defaultValue, argChoices, mandatory }: Option): string {
  const notes = [
    ...(argChoices === undefined ? [] : [`one of ${argChoices.map((choice) => `\`${choice}\``).join(', ')}`]),
    ...(typeof defaultValue === 'string' ? [`default \`${defaultValue}\``] : []),
    ...(mandatory ? ['required'] : []),
  ]
  return `| ${command} | \`${flags}\` | ${[description, ...notes].join('; ')} |`
}
