// docs/reference/laws.md lists the cases of every law by name; this keeps it true.

import { deepEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CASES, LAWS } from '../../src/conformance/index.ts'

test('docs/reference/laws.md lists every law with its cases', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/reference/laws.md'), 'utf8')
  const sections = text.split(/^### /m).slice(1)
  const listed = sections.map((section) => {
    const [title = '', ...lines] = section.split('\n')
    return [title, lines.filter((line) => line.startsWith('- ')).map((line) => line.slice(2))]
  })
  deepEqual(
    listed,
    LAWS.map((law) => [law, CASES.filter((each) => each.law === law).map(({ name }) => name)]),
  )
})
