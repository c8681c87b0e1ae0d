// The architecture as a test: which floor may import which, who may use which package, and that only core owns time and chance.
// ARCHITECTURE.md explains the floors; this table is what holds.

import { deepEqual } from 'node:assert/strict'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parseSource, readSources, type Import, type Source } from './layer/source.ts'

interface Layer {
  /** A folder (ends with /) or a file under src/. */
  readonly part: string
  readonly may: readonly string[]
  /** What it may import by `import()` only, so that nobody pays for what he does not open. */
  readonly mayLoad?: readonly string[]
}

const patterns = 'queue task operation record callback topic event app schedule service peer'.split(' ')
const faces = patterns.map((name) => `${name}/index.ts`)
const below = ['core/', 'runtime/', 'delivery/', ...patterns.map((name) => `${name}/`)]

const layers: readonly Layer[] = [
  { part: 'core/', may: [] },
  { part: 'engine/ledger/', may: ['core/'] },
  { part: 'engine/memory/', may: ['core/', 'engine/ledger/'] },
  { part: 'engine/file/', may: ['core/', 'engine/ledger/'] },
  { part: 'engine/sql/', may: ['core/'] },
  { part: 'engine/postgres/', may: ['core/', 'engine/sql/'] },
  { part: 'engine/sqlite/', may: ['core/', 'engine/sql/'] },
  { part: 'runtime/', may: ['core/'] },
  { part: 'delivery/', may: ['core/', 'runtime/'] },
  ...patterns.map((name) => ({
    part: `${name}/`,
    may: ['core/', 'runtime/', 'delivery/', 'webhooks/index.ts', ...faces],
  })),
  { part: 'post.ts', may: below },
  { part: 'work-parts.ts', may: [...below, 'post.ts'] },
  { part: 'engine-post.ts', may: [...below, 'post.ts', 'work-parts.ts'] },
  { part: 'posthorn.ts', may: [...below, 'post.ts', 'work-parts.ts', 'engine-post.ts'], mayLoad: ['engine/'] },
  { part: 'backup.ts', may: ['core/', 'engine/file/'] },
  { part: 'migrate.ts', may: ['core/', 'engine/postgres/'] },
  { part: 'postgres.ts', may: ['core/', 'engine/postgres/'] },
  { part: 'sqlite.ts', may: ['core/', 'engine/sqlite/'] },
  { part: 'copy.ts', may: ['core/', 'posthorn.ts'] },
  { part: 'index.ts', may: [...below, 'backup.ts', 'copy.ts', 'posthorn.ts'] },
  { part: 'insight/', may: [...below, 'posthorn.ts'] },
  { part: 'server/', may: [...below, 'posthorn.ts', 'insight/'] },
  { part: 'cli/', may: [...below, 'backup.ts', 'copy.ts', 'migrate.ts', 'posthorn.ts', 'insight/', 'server/index.ts'] },
  { part: 'testing/', may: [...below, 'posthorn.ts', 'engine/memory/'] },
  { part: 'conformance/', may: ['core/'] },
  { part: 'webhooks/', may: [] },
]

/** Node's own modules may be used everywhere, but for those named here; a package only where it is named. */
const packages: Readonly<Record<string, readonly string[]>> = {
  '@standard-schema/spec': ['core/'],
  'undici': ['callback/', 'cli/'],
  'ipaddr.js': ['callback/call/'],
  'hono': ['server/'],
  '@hono/node-server': ['server/'],
  'commander': ['cli/'],
  'ws': ['event/'],
  'pg': ['engine/postgres/'],
  'node:test': [],
  'node:timers': ['core/clock.ts'],
  'node:timers/promises': ['core/clock.ts'],
}

/** Files that may read the clock, wait or roll dice themselves, and why. */
const impureFiles: Readonly<Record<string, string>> = {
  'core/clock.ts': 'is the clock that everything else is given',
  'engine/sqlite/process/machine-clock.ts':
    'reads the clock that all processes of a machine share, which is nobody’s to give',
  'core/id.ts': 'is the source of ids that everything else is given',
  'webhooks/clock.ts': 'is the clock of a folder that is published alone and imports nothing',
}

const forbiddenWords = [
  'data',
  'info',
  'manager',
  'helper',
  'helpers',
  'util',
  'utils',
  'common',
  'misc',
  'types',
  'classes',
  'interfaces',
]

const folder = join(dirname(import.meta.dirname), 'src')
const sources = readSources(folder)

test('every import keeps to the floors', () => {
  deepEqual(sources.flatMap(floorBreaches), [])
})

test('packages are used only where the table says', () => {
  deepEqual(sources.flatMap(packageBreaches), [])
})

test('no import cycles: none of values, of types within one folder only', () => {
  const values = cycles(sources, (edge) => edge.kind !== 'type')
  const types = cycles(sources, () => true).filter((files) => new Set(files.map((file) => dirname(file))).size > 1)
  deepEqual(
    [...values, ...types].map((files) => files.join(' → ')),
    [],
  )
})

test('time and chance come from core only', () => {
  const breaches = sources
    .filter(({ file }) => !(file in impureFiles))
    .flatMap(({ file, impure }) => impure.map((call) => `${file} uses ${call}()`))
  deepEqual(breaches, [])
})

test('files and folders are kebab-case and say what they do', () => {
  deepEqual(globSync('**/*', { cwd: folder }).flatMap(nameBreaches), [])
})

test('the checks themselves see what they should', () => {
  const text = `
    import { serve } from '../server/serve.ts'
    import type { Hono } from 'hono/tiny'
    export { type A } from './b.ts'
    // Date.now() and import('./no.ts') in a comment are nobody's business
    type Engine = import('../engine/file/open.ts').Engine
    const late = () => import('../engine/memory/open.ts')
    const now = Date.now() + new Date(0).getTime() + new Date().getTime()`
  const source = parseSource('delivery/a.ts', text)
  deepEqual(source.impure, ['Date.now', 'new Date'])
  deepEqual(
    floorBreaches(source).map((breach) => breach.split(' (')[0]),
    [
      'delivery/a.ts imports server/serve.ts',
      'delivery/a.ts imports engine/file/open.ts',
      'delivery/a.ts imports engine/memory/open.ts',
    ],
  )
  deepEqual(packageBreaches(source), ['delivery/a.ts imports hono (allowed: server/)'])
  const other = parseSource('delivery/b.ts', `import './a.ts'`)
  deepEqual(
    cycles([source, other], () => true),
    [['delivery/a.ts', 'delivery/b.ts']],
  )
  deepEqual(
    cycles([source, other], (edge) => edge.kind !== 'type'),
    [],
  )
  deepEqual(nameBreaches('core/fileUtil.ts').length + nameBreaches('core/message-info.ts').length, 2)
})

function floorBreaches({ file, imports }: Source): string[] {
  const layer = layerOf(file)
  if (!layer) return [`${file} is on no floor (add it to the table in test/layer.test.ts)`]
  return imports
    .filter(({ internal, target, kind }) => {
      const allowed = [layer.part, ...layer.may, ...(kind === 'dynamic' ? (layer.mayLoad ?? []) : [])]
      return internal && !allowed.some((part) => isIn(target, part))
    })
    .map(
      ({ target }) =>
        `${file} imports ${target} (${layer.part} may import ${[...layer.may, ...(layer.mayLoad ?? []).map((part) => `import('${part}…')`)].join(', ') || 'itself only'})`,
    )
}

function packageBreaches({ file, imports }: Source): string[] {
  return imports
    .filter(({ internal, target }) => {
      const parts = packages[target] ?? (target.startsWith('node:') ? [''] : [])
      return !internal && !parts.some((part) => file.startsWith(part))
    })
    .map(({ target }) => `${file} imports ${target} (allowed: ${packages[target]?.join(', ') || 'nowhere'})`)
}

function nameBreaches(path: string): string[] {
  const words = path.split('/').flatMap((name) => name.split(/[-.]/))
  const bad = words.find((word) => forbiddenWords.includes(word) || !/^[a-z0-9]+$/.test(word))
  return bad === undefined ? [] : [`${path}: ${bad}`]
}

/** Groups of files that reach each other (Tarjan's strongly connected components), of the imports that count. */
function cycles(all: readonly Source[], counts: (edge: Import) => boolean): string[][] {
  const edges = new Map(all.map(({ file, imports }) => [file, imports.filter(counts).map(({ target }) => target)]))
  const order = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (file: string): number => {
    const place = order.size
    order.set(file, place)
    stack.push(file)
    let lowest = place
    for (const target of edges.get(file) ?? []) {
      if (!edges.has(target)) continue
      if (!order.has(target)) lowest = Math.min(lowest, visit(target))
      else if (stack.includes(target)) lowest = Math.min(lowest, order.get(target) ?? place)
    }
    if (lowest === place) {
      const group = stack.splice(stack.indexOf(file))
      if (group.length > 1) found.push(group.sort())
    }
    return lowest
  }
  for (const file of edges.keys()) if (!order.has(file)) visit(file)
  return found
}

function layerOf(file: string): Layer | undefined {
  return layers.find(({ part }) => isIn(file, part))
}

function isIn(file: string, part: string): boolean {
  return part.endsWith('/') ? file.startsWith(part) : file === part
}
