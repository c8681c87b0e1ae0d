// Several processes on one database, killed with -9 in the middle of their work: what was confirmed is there, once and in order, and what the
// dead had handed out to themselves goes on elsewhere.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import type { Engine } from '../../src/core/engine.ts'
import { openSqliteEngine } from '../../src/engine/sqlite/engine.ts'
import { QUEUE, sendOne, settle, take, type Said } from './peer.ts'

const KILLS = 6
const PEERS = 3
/** Lines that a peer says before it is killed. */
const LINES = 150

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'p.db')
}

class Peer {
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
  #lines = 0
  #wanted: (() => void) | null = null

  constructor(file: string, heard: (said: Said) => void) {
    this.child = spawn(process.execPath, [join(import.meta.dirname, 'peer.ts'), file], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const lines = createInterface(this.child.stdout!)
    lines.on('line', (line) => {
      // A line may be cut by the kill.
      if (line.endsWith('}')) heard(JSON.parse(line) as Said)
      if (++this.#lines >= LINES) this.#wanted?.()
    })
    this.ended = Promise.all([once(this.child, 'exit'), once(lines, 'close')])
  }

  hasWorked(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#lines >= LINES) resolve()
      else this.#wanted = resolve
    })
  }

  async kill(): Promise<void> {
    await this.hasWorked()
    this.child.kill('SIGKILL')
    await this.ended
  }

  async end(): Promise<void> {
    await this.hasWorked()
    this.child.stdin!.end()
    await this.ended
    equal(this.child.exitCode, 0)
  }
}

test('confirmed-survives, one-holder, key-order, conserved: several processes, some of which are killed', async (t) => {
  const file = folderFor(t)
  const heard: Said[] = []
  const start = (): Peer => new Peer(file, (said) => heard.push(said))
  const peers = Array.from({ length: PEERS }, start)
  for (let kill = 0; kill < KILLS; kill++) {
    await peers.shift()!.kill()
    peers.push(start())
  }
  await Promise.all(peers.map((peer) => peer.end()))

  const engine = await openSqliteEngine(file)
  t.after(() => engine.close())
  for (let deliveries = await take(engine, 100); deliveries.length > 0; deliveries = await take(engine, 100))
    for (const delivery of deliveries) heard.push(await settle(engine, delivery))
  const of = (field: string): string[] =>
    heard.flatMap((said) => (field in said ? [String(Reflect.get(said, field))] : []))
  deepEqual(of('disorder'), [])
  deepEqual(of('refused'), [])
  const done = of('done')
  equal(new Set(done).size, done.length, 'nothing was done twice')
  const missing = []
  for (const id of of('sent')) if ((await engine.get([`done/${id}`]))[0] === null) missing.push(id)
  deepEqual(missing, [], 'what was confirmed as sent is done')
  const [depth] = await engine.depth([QUEUE])
  const { ready, held, delayed, leased, dead, ended } = depth!
  deepEqual({ ready, held, delayed, leased, dead }, { ready: 0, held: 0, delayed: 0, leased: 0, dead: 0 })
  ok(ended.acked >= done.length, `${ended.acked} were acked, of which ${done.length} were told of`)
  equal(readdirSync(join(file, '..')).filter((name) => name.includes('-owner-')).length, 1, 'only who lives has a lock')
})

test('what a process that was killed had leased is handed out again by those that live', async (t) => {
  const file = folderFor(t)
  const engine = await openSqliteEngine(file)
  t.after(() => engine.close())
  const peer = new Peer(file, () => {})
  await peer.kill()
  while ((await leased(engine)) > 0) await new Promise((resolve) => setImmediate(resolve))
  equal(await leased(engine), 0)
})

test('a process is woken by what another sends', async (t) => {
  const file = folderFor(t)
  const [sender, receiver] = await Promise.all([openSqliteEngine(file), openSqliteEngine(file)])
  t.after(() => Promise.all([sender.close(), receiver.close()]))
  for (let round = 0; round < 3; round++) {
    const hinted = new Promise((resolve) => receiver.watch({ queues: [QUEUE] }, resolve))
    const id = await sendOne(sender, round)
    deepEqual(await hinted, { queue: QUEUE })
    const [delivery] = await take(receiver, 1)
    equal(delivery!.stored.id, id)
    await settle(receiver, delivery!)
  }
})

async function leased(engine: Engine): Promise<number> {
  return (await engine.depth([QUEUE]))[0]?.leased ?? 0
}
