import { equal, match } from 'node:assert/strict'
import { test } from 'node:test'
import { checkRoom, judgeSpeed } from './disk.ts'
import { checkFileSystem } from './file-system.ts'
import type { Mount } from './mount.ts'

const mount = (type: string, options: readonly string[] = ['rw']): Mount => ({
  at: '/data',
  type,
  source: 'x',
  options,
})
const speed = (p50Ms: number, p99Ms: number = p50Ms) => ({ syncs: 400, p50Ms, p99Ms, maxMs: p99Ms, writeP50Ms: 0.01 })

test('a file system is judged by what it does with what must survive', () => {
  const judge = (type: string, options?: readonly string[]) => {
    const { verdict, meaning } = checkFileSystem(mount(type, options), '/data')
    return `${verdict} ${meaning.join(' ')}`
  }
  equal(judge('ext4'), 'ok ')
  equal(judge('xfs'), 'ok ')
  match(judge('nfs4'), /^note A network file system/)
  match(judge('fuse.sshfs'), /^note A network file system/)
  match(judge('fuse.other'), /^note .*\(FUSE\)/)
  match(judge('tmpfs'), /^note In memory/)
  match(judge('overlay'), /^note The layer of a container/)
  match(judge('zfs'), /^note It writes elsewhere/)
  match(judge('ext4', ['rw', 'barrier=0']), /^wrong It is mounted with barrier=0/)
  match(judge('xfs', ['ro']), /^wrong .*read-only/)
  match(checkFileSystem(null, '/data').found, /does not tell/)
})

test('numbers of a disk in words: how many commits, too slow, uneven, or too fast to be true', () => {
  const judge = (p50Ms: number, p99Ms?: number, type = 'ext4', env = {}) => {
    const { verdict, meaning } = judgeSpeed(speed(p50Ms, p99Ms), '/data', mount(type), env)
    return `${verdict} ${meaning.join(' ')}`
  }
  match(judge(0.087), /^ok A send waits for one: about 11,000 commits a second for one caller/)
  match(judge(12), /^note .* about 83 commits .*slow for a disk of today/)
  match(judge(0.1, 8), /^ok .*One in a hundred takes 80 times as long/)
  match(judge(0.004), /^wrong .*syncs seem to be ignored/)
  match(judge(0.004, 0.004, 'tmpfs'), /^ok /)
  match(judge(0.5, 0.5, 'ext4', { LD_PRELOAD: '/usr/lib/libeatmydata.so' }), /^wrong libeatmydata/)
})

test('room is told before it runs out, and when it has', () => {
  const judge = (freeBytes: number) => checkRoom({ freeBytes, totalBytes: 100 * 1024 ** 3 })
  equal(judge(50 * 1024 ** 3).verdict, 'ok')
  match(judge(50 * 1024 ** 3).found, /^50\.0 GiB free of 100\.0 GiB \(50 %\)$/)
  equal(judge(500 * 1024 ** 2).verdict, 'note')
  equal(judge(50 * 1024 ** 2).verdict, 'wrong')
  const unguarded = checkRoom({ freeBytes: 50 * 1024 ** 2, totalBytes: 1024 ** 3 }, false)
  match(unguarded.meaning[0]!, /nothing can be sent or settled/)
})
