// Folders of every format version that was ever written are opened by this one, and show what they showed; a newer one is refused.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { isPosthornError } from '../../src/core/error.ts'
import { FORMAT } from '../../src/engine/file/log/frame.ts'
import { FOLDER, diskWith, seenIn } from './fixture.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'

const root = join(dirname(import.meta.dirname), 'fixture')
const folders = readdirSync(root).filter((name) => name.startsWith('file-format-'))

function read(folder: string): { files: Map<string, Uint8Array>; leftAt: number; seen: unknown } {
  const names = readdirSync(join(root, folder)).filter((name) => name !== 'seen.json')
  const { leftAt, seen } = JSON.parse(readFileSync(join(root, folder, 'seen.json'), 'utf8')) as {
    readonly leftAt: number
    readonly seen: unknown
  }
  return { files: new Map(names.map((name) => [name, readFileSync(join(root, folder, name))])), leftAt, seen }
}

test('there is a folder of this format (npm run fixture)', () => {
  ok(folders.includes(`file-format-${FORMAT}`))
})

for (const folder of folders) {
  test(`a folder of ${folder} shows what it showed when it was written`, async () => {
    const { seen, ...fixture } = read(folder)
    deepEqual(await seenIn(fixture), seen)
  })
}

test('a checkpoint or a segment of a newer format is refused, and nothing is changed', async () => {
  const { files } = read(`file-format-${FORMAT}`)
  for (const name of files.keys()) {
    const newer = new Map([...files].map(([each, bytes]) => [each, Buffer.from(bytes)]))
    const bytes = newer.get(name)!
    if (bytes.toString('latin1', 0, 4) !== 'PHFR') continue
    // The first frame, written by a version that knows one format more.
    bytes[12] = FORMAT + 1
    bytes.writeUInt32LE(crc32(bytes.subarray(8, Math.ceil((56 + bytes.readUInt32LE(8)) / 8) * 8)), 4)
    const disk = diskWith(newer)
    await rejects(openFileEngine(FOLDER, { disk }), (error) => {
      ok(isPosthornError(error), String(error))
      equal(error.code, 'newer-format', error.message)
      deepEqual(
        [error.details['file'], error.details['format'], error.details['supported']],
        [`${FOLDER}/${name}`, FORMAT + 1, FORMAT],
      )
      return true
    })
    for (const [each, was] of newer) deepEqual(Buffer.from(disk.bytesOf(`${FOLDER}/${each}`)), was, each)
  }
})
