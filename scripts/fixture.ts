// `npm run fixture`: writes the folder of the current format to test/fixture, once per format. A format that was released is never written
// again: that what it wrote can be opened is what its folder is for.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FORMAT } from '../src/engine/file/log/frame.ts'
import { makeFixture } from '../test/file/fixture.ts'

const folder = join(dirname(import.meta.dirname), 'test/fixture', `file-format-${FORMAT}`)
const { files, leftAt, seen } = await makeFixture()
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes)
writeFileSync(join(folder, 'seen.json'), `${JSON.stringify({ leftAt, seen })}\n`)
console.log(`${folder}: ${[...files].map(([name, { byteLength }]) => `${name} (${byteLength})`).join(', ')}`)
