/** Which version of a package is measured. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

export function packageVersion(name: string): string {
  const folder = name === 'posthorn' ? root : join(root, 'node_modules', name)
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version
}
