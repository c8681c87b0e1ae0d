// The package as its users get it: packed, installed into fresh projects, compiled under two strictnesses, and run.

import { deepEqual, equal } from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, suite, test, type TestContext } from 'node:test'
import { pack } from '../scripts/pack.ts'

interface Manifest {
  readonly name?: string
  readonly bin?: Readonly<Record<string, string>> | string
  readonly exports: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const root = dirname(import.meta.dirname)
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
const unwritten = [...Object.values(manifest.exports), './src/cli/main.ts'].filter(
  (path) => !existsSync(join(root, path)),
)

const strict = {
  strict: true,
  skipLibCheck: false,
  types: ['node'],
  module: 'nodenext',
  target: 'es2024',
  outDir: 'out',
}
const projects = {
  strict,
  strictest: {
    ...strict,
    declaration: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noPropertyAccessFromIndexSignature: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    erasableSyntaxOnly: true,
  },
}

suite('the packed package', { skip: unwritten.length > 0 && `not written yet: ${unwritten.join(', ')}` }, () => {
  let folder = ''
  let archive = ''
  let offline: string | undefined

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'posthorn-package-'))
    archive = pack(folder)
    offline = install(folder, archive)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  for (const [name, compilerOptions] of Object.entries(projects)) {
    test(`compiles and runs in a fresh project: ${name}`, (t) => {
      if (isOffline(t)) return
      const project = join(folder, name)
      mkdirSync(project)
      cpSync(join(root, 'test/package/program.ts'), join(project, 'program.ts'))
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
      check(tool('typescript/bin/tsc'), ['-p', project])
      equal(
        execFileSync(process.execPath, [join(project, 'out/program.js')], { cwd: project, encoding: 'utf8' }),
        'p1 true\n',
      )
    })
  }

  test('the README’s program runs as it stands there', (t) => {
    if (isOffline(t)) return
    const project = join(folder, 'readme')
    mkdirSync(project)
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    for (const [, file = '', program = ''] of readme.matchAll(/^`(\w+\.ts)`: .*\n\n```ts\n([^]*?)```/gm))
      writeFileSync(join(project, file), program)
    const output = execFileSync(process.execPath, ['main.ts'], { cwd: project, encoding: 'utf8' })
    // The mail is sent with the outcome: whether it or the result is printed first is chance.
    deepEqual(output.trim().split('\n').toSorted(), ['to mara: p1 is ready', "{ url: 'https://img.example/p1.webp' }"])
  })

  test('its command runs', (t) => {
    if (isOffline(t)) return
    check(join(folder, 'node_modules/posthorn/bin/posthorn.js'), ['--help'])
  })

  test('its SQLite engine finds its thread', (t) => {
    if (isOffline(t)) return
    const program = `import { open } from 'posthorn'
const post = await open('sqlite:./sqlite.db')
await post.queue('q').configure({ paused: true })
console.log((await post.queue('q').depth()).paused)
await post.close()`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: folder,
      encoding: 'utf8',
    })
    equal(output, 'true\n')
  })

  test('brings no Node of its own', (t) => {
    if (isOffline(t)) return
    const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, Manifest>
    }
    const providers = Object.entries(lock.packages).filter(([, { bin }]) => typeof bin === 'object' && 'node' in bin)
    deepEqual(providers, [])
  })

  test('satisfies publint', () => check(tool('publint/src/cli.js'), ['run', archive, '--strict']))

  test('satisfies attw', () => check(tool('@arethetypeswrong/cli/dist/index.js'), [archive, '--profile', 'esm-only']))

  function isOffline(t: TestContext): boolean {
    if (offline !== undefined) t.skip(`the npm registry cannot be reached: ${offline}`)
    return offline !== undefined
  }
})

/** Installs the archive beside what a user brings; returns why not, where the registry cannot be reached. */
function install(folder: string, archive: string): string | undefined {
  const own = ['zod', '@types/node'].map((name) => [name, manifest.devDependencies[name]])
  const dependencies = { posthorn: `file:${archive}`, ...Object.fromEntries(own) }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', private: true, dependencies }))
  const { status, stderr } = spawnSync(
    'npm',
    ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: folder,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    },
  )
  if (status === 0) return undefined
  const reason = /\b(ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENOTCACHED|ENETUNREACH)\b/.exec(stderr)?.[0]
  if (reason === undefined) throw new Error(`npm install failed:\n${stderr}`)
  return reason
}

function tool(path: string): string {
  return join(root, 'node_modules', path)
}

function check(script: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
  equal(status, 0, `${script} ${args.join(' ')}\n${stdout}${stderr}`)
}
