// What a run of the example keeps beside the engine: which run it is, what was sent, which callbacks came. A run that was
// killed goes on with these files.

import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export interface RunState {
  readonly run: number
  readonly complete: boolean
  /** Callbacks name it, so it stays the same over a restart. */
  readonly receiverPort: number
}

/** A webhook that the server has confirmed. */
export interface Sent {
  readonly run: number
  readonly delivery: string
  readonly event: string
  readonly owner: string
  readonly bytes: number
  readonly sha256: string
  readonly operation: string
  /** From the call until it was confirmed as durable. */
  readonly sendMs: number
}

/** A completion callback. */
export interface Received {
  readonly operation: string
  readonly status: string
  readonly attempts: number
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string
}

export interface RunFolder {
  readonly path: string
  readonly isNew: boolean
  readonly sentFile: string
  readonly receivedFile: string
  readonly engineUrl: string
}

export function openRunFolder(path: string | undefined, engine?: string): RunFolder {
  const folder = path === undefined ? mkdtempSync(join(tmpdir(), 'posthorn-open-platform-')) : resolve(path)
  mkdirSync(folder, { recursive: true })
  return {
    path: folder,
    isNew: path === undefined,
    sentFile: join(folder, 'sent.jsonl'),
    receivedFile: join(folder, 'received.jsonl'),
    engineUrl: engine ?? `file:${join(folder, 'engine')}`,
  }
}

export function readState({ path }: RunFolder): RunState | null {
  const file = join(path, 'run.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RunState) : null
}

export function writeState({ path }: RunFolder, state: RunState): void {
  const file = join(path, 'run.json')
  writeFileSync(`${file}.new`, JSON.stringify(state))
  renameSync(`${file}.new`, file)
}

export function appendLine(file: string, entry: Sent | Received): void {
  appendFileSync(file, `${JSON.stringify(entry)}\n`)
}

/** A last line without its end is of a write that was cut off by a kill: as good as not written. */
export function readLines<Entry extends Sent | Received>(file: string): Entry[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  lines.pop()
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Entry)
}
