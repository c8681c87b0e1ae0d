// A process that works on a folder and kills itself at a named point: `before-sync:7` is before its seventh sync. Says on stdout,
// before it goes on, what was confirmed.

import { writeSync } from 'node:fs'
import { createIds } from '../../src/core/id.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Disk, DiskFile } from '../../src/engine/file/disk/disk.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { NodeDisk } from '../../src/engine/file/disk/node-disk.ts'

export const QUEUE = 'q'
export const SMALL = {
  firstSegmentBytes: 8192,
  segmentBytes: 16_384,
  checkpointBytes: 20_000,
  slackBytes: 16_384,
  pauseMs: 0,
  earlyCommits: 3,
  busyShare: Infinity,
  cacheBytes: 1,
}

const OPERATIONS = ['write', 'sync', 'create', 'rename', 'remove', 'truncate'] as const

/** Counts calls of one operation, and dies before or after the n-th. */
function dyingDisk(inner: Disk, point: string): Disk {
  const [when = '', operation = '', count = ''] = point.split(/[-:]/)
  if (!(OPERATIONS as readonly string[]).includes(operation))
    throw new Error(`${point} names none of ${OPERATIONS.join(', ')}`)
  let left = Number(count)
  const dying = (name: (typeof OPERATIONS)[number]): boolean => name === operation && --left === 0
  const around = <T>(name: (typeof OPERATIONS)[number], call: () => T): T => {
    const isIt = dying(name)
    if (isIt && when === 'before') die()
    const result = call()
    if (!isIt) return result
    if (result instanceof Promise) return result.then(die) as T
    return die()
  }
  const wrap = (file: DiskFile): DiskFile => {
    const target = file.write.bind(file)
    file.write = (pieces, position) => around('write', () => target(pieces, position))
    const soon = file.writeSoon.bind(file)
    file.writeSoon = (pieces, position) => around('write', () => soon(pieces, position))
    const truncate = file.truncate.bind(file)
    file.truncate = (size) => around('truncate', () => truncate(size))
    return file
  }
  const disk: Pick<Disk, 'open' | 'sync' | 'rename' | 'renameSoon' | 'remove' | 'removeSoon'> = {
    open: (path, mode) =>
      wrap(mode === 'create' ? around('create', () => inner.open(path, mode)) : inner.open(path, mode)),
    sync: (files, folder) => around('sync', () => inner.sync(files, folder)),
    rename: (from, to) => around('rename', () => inner.rename(from, to)),
    renameSoon: (from, to) => around('rename', () => inner.renameSoon(from, to)),
    remove: (path) => around('remove', () => inner.remove(path)),
    removeSoon: (path) => around('remove', () => inner.removeSoon(path)),
  }
  return new Proxy(inner, {
    get(target, name) {
      const value: unknown = name in disk ? disk[name as keyof typeof disk] : Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('still alive')
}

/** Commit n sends two messages and puts a record; it acks one that an earlier commit sent. */
async function work(folder: string, point: string): Promise<void> {
  const ids = createIds(systemClock)
  const engine = await openFileEngine(folder, { disk: dyingDisk(new NodeDisk(), point), logLimits: SMALL })
  for (let number = 1; number < 2000; number++) {
    const { deliveries } = await engine.lease({
      id: ids.uuid(),
      worker: 'victim',
      holder: 'process',
      leaseMs: 60_000,
      wants: [{ queue: QUEUE, max: 1 }],
    })
    const sends = [1, 2].map((part) => {
      const id = ids.uuid()
      const body = new TextEncoder().encode(`${number}/${part} ${'x'.repeat(number % 400)}`)
      return {
        do: 'send' as const,
        queue: QUEUE,
        message: { id, event: { id, source: '/victim', type: 'sent' }, body, priority: 4 },
      }
    })
    const acks = deliveries.map(({ token }) => ({ do: 'ack' as const, token }))
    const value = new TextEncoder().encode(String(number))
    await engine.commit([{ changes: [...acks, ...sends, { do: 'put', key: 'last', value }] }])
    writeSync(1, `${number}\n`)
  }
  throw new Error(`${point} was never reached`)
}

const [folder, point] = process.argv.slice(2)
if (process.argv[1] === import.meta.filename && folder !== undefined && point !== undefined) await work(folder, point)
