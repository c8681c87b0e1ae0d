// The programs that guides begin with, as they stand there.

import { deepEqual } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'

const root = dirname(dirname(import.meta.dirname))

/** What it prints. */
function run(context: TestContext, guide: string, file: string): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-guide-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/posthorn'), 'junction')
  symlinkSync(join(root, 'node_modules/zod'), join(folder, 'node_modules/zod'), 'junction')
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  const text = readFileSync(join(root, `docs/guides/${guide}.md`), 'utf8')
  const [, program = ''] = new RegExp(`^\`${file}\`: [^]*?\\n\\n\`\`\`ts\\n([^]*?)\`\`\``, 'm').exec(text) ?? []
  writeFileSync(join(folder, file), program)
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  })
  deepEqual({ status, stderr }, { status: 0, stderr: '' }, stdout)
  return stdout.trimEnd().split('\n')
}

test('callbacks for platform builders: a first call', (context) => {
  const [called = '', ...attempts] = run(context, 'callbacks', 'first.ts')
  deepEqual(
    [called.replace(/"timestamp":"[^"]+"/, '"timestamp":"…"'), ...attempts],
    [
      'called: order.paid {"type":"order.paid","timestamp":"…","data":{"id":"o1","total":7}}',
      'order.paid delivered 204',
    ],
  )
})

test('events: a source listened to, and forwarded', (context) => {
  deepEqual(run(context, 'events', 'first.ts').toSorted(), [
    'stored, then handled: 7',
    'told: order.created',
    'told: order.paid',
  ])
})
