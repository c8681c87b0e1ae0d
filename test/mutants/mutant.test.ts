// The mutants' texts must be in the sources as they are now; `npm run test:mutants` then shows that each is caught.

import { equal } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LAWS } from '../../src/conformance/index.ts'
import { MUTANTS } from './mutant.ts'

test('each text that a mutant replaces is in the sources exactly once', () => {
  for (const { name, law, replacements } of MUTANTS) {
    equal(LAWS.includes(law), true, name)
    for (const { file, from } of replacements) {
      const text = readFileSync(join(import.meta.dirname, '../../src', file), 'utf8')
      equal(text.split(from).length - 1, 1, `${name}: in src/${file}: ${from}`)
    }
  }
})
