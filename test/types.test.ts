// What users see of the types: what is inferred compiles, and each mistake is answered with the message that is kept for it.
// `node test/types.test.ts --keep` writes the table anew; read the difference before you commit it.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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

  // The compiler's count of instantiations is the same on every machine; its time is not, and is shown. 300 schemas of Zod alone
  // cost most of it; a pattern type that compared every type with every other would cost a hundred times more.
  test('a topic of 300 event types is cheap to check', (context) => {
    const [small, large] = [3, 300].map((types) => checkTopic(types))
    // What is checked besides, Posthorn's own sources included, is in both.
    context.diagnostic(
      `300 event types instead of 3: ${large!.instantiations - small!.instantiations} instantiations and ${large!.ms - small!.ms} ms more`,
    )
    ok(large!.instantiations - small!.instantiations < 300_000, JSON.stringify([small, large]))
  })

  test('every mistake is one', () => {
    const kept = readFileSync(table, 'utf8')
    for (const { name } of mistakes().values())
      ok(kept.includes(`${name}\n  TS`) || name.includes('fine'), `${name} compiles`)
  })
})

/** Checks a program with a topic of so many event types, and subscriptions to it. */
function checkTopic(types: number): { readonly instantiations: number; readonly ms: number } {
  const at = mkdtempSync(join(out, 'topic-'))
  const names = Array.from({ length: types }, (_, n) => `'area${n % 10}.thing${n}.done'`)
  symlinkSync(join(folder, '../../node_modules'), join(at, 'node_modules'))
  writeFileSync(
    join(at, 'tsconfig.json'),
    JSON.stringify({
      extends: join(folder, 'tsconfig.strict.json'),
      compilerOptions: { rootDir: '/', paths: { posthorn: [join(folder, '../../src/index.ts')] } },
      include: ['program.mts'],
    }),
  )
  writeFileSync(
    join(at, 'program.mts'),
    `import { open, subscribe, topic } from 'posthorn'
import { z } from 'zod'
export const large = topic('large', {
${names.map((name, n) => `  ${name}: z.object({ id: z.string(), n${n}: z.number() }),`).join('\n')}
})
export const handlers = [
  subscribe(large, 'all', '**', (event) => { if (event.type === ${names[0]}) event.data.n0 satisfies number }),
  subscribe(large, 'one', ${names[0]}, (event) => { event.data.n0 satisfies number }),
  subscribe(large, 'area', ['area1.*.done', '**.thing2.*'], (event) => { event.data.id satisfies string }),
]
const post = await open('memory:')
await post.publish(large, ${names[0]}, { id: 'a', n0: 1 })
`,
  )
  const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', at, '--extendedDiagnostics'], {
    encoding: 'utf8',
  })
  equal(status, 0, stdout)
  const figure = (name: string): number => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, 'm').exec(stdout)![1])
  return { instantiations: figure('Instantiations'), ms: Math.round(figure('Check time') * 1_000) }
}

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
