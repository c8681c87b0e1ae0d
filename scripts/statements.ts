// The compiler leaves behind what is not TypeScript: SQL goes along with what reads it.

import { cpSync, globSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

if (import.meta.main) copyStatements(join(dirname(import.meta.dirname), 'src'), resolve(process.argv[2] ?? 'dist'))

export function copyStatements(from: string, to: string): void {
  for (const path of globSync('**/*.sql', { cwd: from })) cpSync(join(from, path), join(to, path))
}
