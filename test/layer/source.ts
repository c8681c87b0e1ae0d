// Reads the TypeScript under src/ for the layer test: what each file imports, and which clocks and dice it uses itself.

import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseSync, Visitor, type Expression, type StringLiteral } from 'oxc-parser'

export interface Source {
  readonly file: string
  readonly imports: readonly Import[]
  readonly impure: readonly string[]
}

export interface Import {
  /** A path under src/, or the name of a package. */
  readonly target: string
  readonly internal: boolean
  readonly kind: 'value' | 'type' | 'dynamic'
}

export function readSources(folder: string): Source[] {
  const files = globSync('**/*.ts', { cwd: folder }).sort()
  return files
    .filter((file) => !file.endsWith('.test.ts'))
    .map((file) => parseSource(file, readFileSync(join(folder, file), 'utf8')))
}

export function parseSource(file: string, text: string): Source {
  const imports: Import[] = []
  const impure: string[] = []
  const add = (literal: StringLiteral, kind: Import['kind']): void => {
    const internal = literal.value.startsWith('.')
    imports.push({
      target: internal ? normalize(join(dirname(file), literal.value)) : packageOf(literal.value),
      internal,
      kind,
    })
  }
  new Visitor({
    ImportDeclaration: ({ source, importKind, specifiers }) => {
      const onlyTypes =
        specifiers.length > 0 && specifiers.every((one) => one.type === 'ImportSpecifier' && one.importKind === 'type')
      add(source, importKind === 'type' || onlyTypes ? 'type' : 'value')
    },
    ExportNamedDeclaration: ({ source, exportKind, specifiers }) => {
      if (source)
        add(source, exportKind === 'type' || specifiers.every((one) => one.exportKind === 'type') ? 'type' : 'value')
    },
    ExportAllDeclaration: ({ source, exportKind }) => add(source, exportKind === 'type' ? 'type' : 'value'),
    ImportExpression: ({ source }) => {
      if (source.type === 'Literal' && typeof source.value === 'string') add(source, 'dynamic')
    },
    TSImportType: ({ source }) => add(source, 'type'),
    CallExpression: ({ callee }) => impure.push(nameOf(callee)),
    NewExpression: ({ callee, arguments: given }) => {
      if (given.length === 0) impure.push(`new ${nameOf(callee)}`)
    },
  }).visit(parseSync(file, text).program)
  return { file, imports, impure: impure.filter((call) => impureCalls.has(call)) }
}

const impureCalls = new Set(
  'Date, new Date, Date.now, performance.now, process.hrtime, process.hrtime.bigint, Math.random'
    .concat(', setTimeout, setInterval, globalThis.setTimeout, globalThis.setInterval, AbortSignal.timeout')
    .split(', '),
)

function nameOf(expression: Expression): string {
  if (expression.type === 'Identifier') return expression.name
  if (expression.type !== 'MemberExpression' || expression.computed) return ''
  return `${nameOf(expression.object)}.${expression.property.name}`
}

function packageOf(specifier: string): string {
  return specifier.startsWith('node:') ? specifier : specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}
