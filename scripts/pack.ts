// Builds the package that is published: JavaScript and declarations, with a manifest of its own, packed from a staged folder.
// The repository's manifest is not published: it brings a Node for development, which would shadow the user's own.

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { copyStatements } from './statements.ts'

interface Manifest {
  readonly [field: string]: unknown
  readonly exports: Readonly<Record<string, string>>
}

const root = dirname(import.meta.dirname)
const unpublished = ['private', 'scripts', 'devDependencies', 'optionalDependencies', 'overrides']

if (import.meta.main) console.log(pack(resolve(process.argv[2] ?? root)))

/** Packs into the folder and returns the path of the archive. */
export function pack(destination: string): string {
  const stage = mkdtempSync(join(tmpdir(), 'posthorn-pack-'))
  try {
    execFileSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', join(stage, 'dist')],
      {
        cwd: root,
        stdio: ['ignore', 2, 2],
      },
    )
    copyStatements(join(root, 'src'), join(stage, 'dist'))
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
    writeFileSync(join(stage, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`)
    for (const path of ['bin', 'LICENSE', 'README.md', 'CHANGELOG.md']) {
      if (existsSync(join(root, path))) cpSync(join(root, path), join(stage, path), { recursive: true })
    }
    const output = execFileSync(
      'npm',
      ['pack', stage, '--pack-destination', destination, '--json', '--loglevel=error'],
      {
        cwd: stage,
        encoding: 'utf8',
        shell: process.platform === 'win32',
      },
    )
    const [archive] = JSON.parse(output) as [{ readonly filename: string }]
    return join(destination, archive.filename)
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

function published(manifest: Manifest): object {
  const fields = Object.entries(manifest).filter(([field]) => !unpublished.includes(field))
  const exports = Object.entries(manifest.exports).map(([name, source]) => [name, toBuilt(source)])
  return { ...Object.fromEntries(fields), exports: Object.fromEntries(exports) as object }
}

function toBuilt(source: string): string | object {
  if (!source.endsWith('.ts')) return source
  const path = source.replace('./src/', './dist/').replace(/\.ts$/, '')
  return { types: `${path}.d.ts`, default: `${path}.js` }
}
