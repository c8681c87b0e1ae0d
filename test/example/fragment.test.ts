// The fragments of the README and the guides mean what there is: each is checked as a module, with what the others of its guide export and
// the names of Posthorn that it leaves out. What else it leaves to the reader may be anything, unless it is said below.

import { deepEqual, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'

const root = dirname(dirname(import.meta.dirname))
const compiler = join(root, 'node_modules/typescript/bin/tsc')
/** Where a name may come from, in this order. */
const ENTRIES = ['posthorn', 'posthorn/event', 'posthorn/server', 'posthorn/testing', 'posthorn/webhooks'] as const

/** What of them is assumed: the guides say it once, or leave it to the reader's eyes. */
const ASSUMED: Readonly<Record<string, string>> = {
  'z': "import { z } from 'zod'",
  'deepEqual': "import { deepEqual } from 'node:assert/strict'",
  'post': "declare const post: import('posthorn').Post",
  't': "declare const t: import('posthorn/testing').TestPost",
  'transactions/fragment-2.ts/db': "declare const db: import('kysely').Kysely<{ shipment: { order: string } }>",
}

/** What a guide speaks of beside what its programs export. */
const SPOKEN_OF: Readonly<Record<string, string>> = {
  events: `import { topic } from 'posthorn'
import { fileChanges, source } from 'posthorn/event'
import { z } from 'zod'
export const Order = z.object({ order: z.string() })
export const Payment = z.object({ order: z.string(), amount: z.number() })
const events = { 'order.created': Order, 'order.paid': Payment }
export const shop = source('shop', events)
export const orders = topic('orders', events)
export const github = source('github', { push: z.object({ ref: z.string() }) })
export const code = topic('code', { 'code.changed': z.object({ ref: z.string() }) })
export const touched = topic('touched', { 'order.touched': z.object({ id: z.string() }) })
export const files = fileChanges('files', '.')
`,
  operations: `import { open } from 'posthorn'
import { resize } from './contracts.ts'
const post = await open('memory:')
export const operation = await post.send(resize, { id: 'p1', owner: 'mara' })
`,
  tasks: `import { task } from 'posthorn'
import { z } from 'zod'
export const count = task('count', { input: z.object({ repository: z.string() }) })
`,
  topics: `export const handler = (): void => {}
`,
  transactions: `import { queue, task, topic } from 'posthorn'
import { z } from 'zod'
const order = z.object({ order: z.string() })
export const ship = task('ship', { input: order })
export const shop = topic('shop', { 'order.placed': order })
export const mail = queue('mail', { data: z.object({ to: z.string(), order: z.string() }) })
`,
}

/** A name that is known nowhere; one in short form. */
const UNKNOWN = new Set(['TS2304', 'TS2552', 'TS18004'])

interface Fragment {
  readonly folder: string
  readonly file: string
  readonly text: string
}

interface Fault {
  /** With its folder. */
  readonly file: string
  readonly line: number
  readonly code: string
  readonly text: string
}

const fragments = ['README.md', ...globSync('docs/guides/*.md', { cwd: root })].flatMap((document) => {
  const text = readFileSync(join(root, document), 'utf8')
  return [...text.matchAll(/(?:`(\w+\.ts)`[^`]*\n\n)?^```ts\n(?:\/\/ (\w+\.ts)\n)?([^]*?)^```/gm)].map(
    ([, above, first, code = ''], at): Fragment => {
      return { folder: basename(document, '.md'), file: above ?? first ?? `fragment-${at + 1}.ts`, text: code }
    },
  )
})

test('the fragments of the guides compile', async () => {
  ok(fragments.length > 30)
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-fragment-'))
  try {
    prepare(folder)
    for (const each of new Set(fragments.map((fragment) => fragment.folder)))
      for (const { file, text } of programsOf(each)) {
        mkdirSync(join(folder, each), { recursive: true })
        writeFileSync(join(folder, each, file), text)
      }
    const exported = new Map<string, string>()
    for (const entry of ENTRIES.toReversed())
      for (const name of Object.keys(await import(entry))) exported.set(name, `import { ${name} } from '${entry}'`)
    const missing = Map.groupBy(
      check(folder).filter(({ code }) => UNKNOWN.has(code)),
      ({ file }) => file,
    )
    for (const { folder: guide, file, text } of fragments) {
      const faults = missing.get(`${guide}/${file}`) ?? []
      const names = new Set(faults.map((fault) => /'(\w+)'/.exec(fault.text)![1]!))
      const own = exportsOf(programsOf(guide).filter((each) => each.file !== file))
      const lines = [...names].map(
        (name) =>
          ASSUMED[`${guide}/${file}/${name}`] ??
          own.get(name) ??
          ASSUMED[name] ??
          exported.get(name) ??
          `declare const ${name}: any; type ${name} = any`,
      )
      writeFileSync(join(folder, guide, file), `${text}\n${lines.join('\n')}\nexport {}\n`)
    }
    // What is Posthorn's own is checked by other settings.
    deepEqual(
      check(folder).filter(({ file }) => !file.startsWith('..')),
      [],
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** Of a guide, after those that the README begins with. */
function programsOf(guide: string): readonly Fragment[] {
  const own = fragments.filter(({ folder }) => folder === guide)
  const first = fragments.filter(({ folder, file }) => folder === 'README' && !own.some((each) => each.file === file))
  const isApart = own.some(({ file }) => file === 'contracts.ts')
  const spoken = { folder: guide, file: 'spoken-of.ts', text: SPOKEN_OF[guide] ?? '' }
  return [spoken, ...first.filter(({ file }) => !isApart && !file.startsWith('fragment-')), ...own]
}

/** Names that they export, with how they are imported. */
function exportsOf(programs: readonly Fragment[]): ReadonlyMap<string, string> {
  // What is said first holds.
  return new Map(
    programs
      .toReversed()
      .flatMap(({ file, text }) =>
        [...text.matchAll(/^export const (\w+)/gm)].map(
          ([, name = '']) => [name, `import { ${name} } from './${file}'`] as const,
        ),
      ),
  )
}

function prepare(folder: string): void {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string>>
  }
  const paths = Object.entries(exports)
    .filter(([, file]) => file.endsWith('.ts'))
    .map(([entry, file]) => [join('posthorn', entry), [join(root, file)]])
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'test/types/tsconfig.strict.json'),
      compilerOptions: { rootDir: '/', noImplicitAny: false, paths: Object.fromEntries(paths) },
      include: ['**/*.ts'],
    }),
  )
}

function check(folder: string): Fault[] {
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], {
    cwd: folder,
    encoding: 'utf8',
  })
  return stdout.split('\n').flatMap((line) => {
    const [, file, at, code, text] = /^(\S+?)\((\d+),\d+\): error (TS\d+): (.*)$/.exec(line) ?? []
    return code === undefined ? [] : [{ file: file!, line: Number(at), code, text: text! }]
  })
}
