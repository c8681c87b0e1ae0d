// What users see of the types: what is inferred compiles, and each mistake is answered with the message that is kept for it.
// `node test/types.test.ts --keep` writes the table anew; read the difference before you commit it.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'

const folder = join(import.meta.dirname, 'types')
const table = join(folder, 'mistake.txt')
const compiler = join(import.meta.dirname, '../node_modules/typescript/bin/tsc')
const out = mkdtempSync(join(tmpdir(), 'posthorn-types-'))

suite('types', { concurrency: 2 }, () => {
  after(() => rmSync(out, { recursive: true }))

  for (const project of ['strictest', 'strict', 'declaration']) {
    test(`inference compiles and mistakes read as kept: ${project}`, () => {
      const errors = compile(project)
      deepEqual(
        errors
          .filter((error) => error.file !== 'mistake.ts')
          .map((error) => `${error.file}(${error.line}): ${error.text}`),
        [],
      )
      equal(describe(errors), readFileSync(table, 'utf8'))
    })
  }

  test('every mistake is one', () => {
    const kept = readFileSync(table, 'utf8')
    for (const { name } of mistakes().values())
      ok(kept.includes(`${name}\n  TS`) || name.includes('fine'), `${name} compiles`)
  })
})

interface CompilerError {
  readonly file: string
  readonly line: number
  readonly text: string
}

function compile(project: string): CompilerError[] {
  const emit = project === 'declaration' ? ['--outDir', out] : []
  const { stdout } = spawnSync(
    process.execPath,
    [compiler, '-p', `tsconfig.${project}.json`, '--pretty', 'false', ...emit],
    { cwd: folder, encoding: 'utf8' },
  )
  return stdout.split('\n').flatMap((line) => {
    const match = /^(\S+)\((\d+),\d+\): error (TS\d+: .*)$/.exec(line)
    return match === null ? [] : [{ file: match[1]!, line: Number(match[2]), text: plain(match[3]!) }]
  })
}

/** With exactOptionalPropertyTypes the same message has another number and a hint at its end. */
function plain(text: string): string {
  const hint = text.indexOf(" with 'exactOptionalPropertyTypes: true'")
  return hint < 0 ? text : text.slice(0, hint).replace('TS2375', 'TS2322').concat('.')
}

function describe(errors: readonly CompilerError[]): string {
  return [...mistakes()]
    .map(
      ([line, { name }]) =>
        [
          name,
          ...errors
            .filter((error) => error.file === 'mistake.ts' && error.line === line)
            .map(({ text }) => `  ${text}`),
        ].join('\n') + '\n',
    )
    .join('')
}

function mistakes(): Map<number, { readonly name: string }> {
  const lines = readFileSync(join(folder, 'mistake.ts'), 'utf8').split('\n')
  return new Map(
    lines.flatMap((text, at) => (text.startsWith('/*') ? [[at + 1, { name: /^\/\*(.*?)\*\//.exec(text)![1]! }]] : [])),
  )
}

if (process.argv.includes('--keep')) writeFileSync(table, describe(compile('strictest')))
