// One process per folder; the lock of a dead one is taken over; a live one says how to go on.
import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isPosthornError, type PosthornError } from '../../core/error.ts'
import { FaultDisk } from './disk/fault-disk.ts'
import { FolderLock } from './lock.ts'
import { NodeDisk } from './disk/node-disk.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'posthorn-lock-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function refusal(take: () => unknown): PosthornError {
  let thrown: unknown
  throws(take, (error) => {
    thrown = error
    return isPosthornError(error) && error.code === 'engine-locked'
  })
  return thrown as PosthornError
}

test('a second open in this process is refused, and after a release it is not', (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const lock = FolderLock.take(disk, path, 'first')
  const error = refusal(() => FolderLock.take(disk, path, 'second'))
  match(
    error.message,
    /is open in this process \(pid \d+\); .*, or share what is open \(open\(url, \{ shared: true \}\)\), or close it first$/,
  )
  equal(error.details['pid'], process.pid)
  ok(lock.isHeld)
  lock.release()
  deepEqual(readdirSync(path), [])
  FolderLock.take(disk, path, 'third').release()
})

test('a live process keeps its lock; the refusal says who and how to reach it', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const code = `
    import { FolderLock } from ${JSON.stringify(import.meta.resolve('./lock.ts'))}
    import { NodeDisk } from ${JSON.stringify(import.meta.resolve('./disk/node-disk.ts'))}
    FolderLock.take(new NodeDisk(), ${JSON.stringify(path)}, 'child').announce({ address: 'http://127.0.0.1:7070', key: 'secret' })
    process.stdout.write('locked')
    process.stdin.resume()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const error = refusal(() => FolderLock.take(disk, path, 'mine'))
  match(
    error.message,
    new RegExp(
      `is open in process ${child.pid} on this host; talk to it at http://127.0.0.1:7070, or open another folder, or stop process ${child.pid}$`,
    ),
  )
  deepEqual([error.details['address'], error.details['keyFile']], ['http://127.0.0.1:7070', join(path, 'lock.key')])
  equal(readFileSync(join(path, 'lock.key'), 'utf8'), 'secret')
  equal(statSync(join(path, 'lock.key')).mode & 0o777, 0o600)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const lock = FolderLock.take(disk, path, 'after its death')
  lock.release()
  equal(readdirSync(path).includes('lock'), false)
})

test('a number that another process has by now does not hold a lock', (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  writeFileSync(
    join(path, 'lock'),
    JSON.stringify({ ...disk.processes.self, started: 'an earlier boot/1', lock: 'old', address: null, keyFile: null }),
  )
  FolderLock.take(disk, path, 'new').release()
})

test('a lock of another host stands, and the message says what to do if that host is gone', (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  writeFileSync(
    join(path, 'lock'),
    JSON.stringify({ pid: 1, started: '', host: 'elsewhere', lock: 'old', address: null, keyFile: null }),
  )
  match(refusal(() => FolderLock.take(disk, path, 'new')).message, /process 1 on host elsewhere; .* remove .*\/lock$/)
})

test("a lock that power loss left torn is nobody's", (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  writeFileSync(join(path, 'lock'), '{"pid": 1')
  FolderLock.take(disk, path, 'new').release()
})

test('of those who find the same dead lock only one gets it', () => {
  const disk = new FaultDisk()
  disk.makeFolder('/folder')
  FolderLock.take(disk, '/folder', 'dead')
  disk.kill()
  // The other one takes the lock between our look at the dead one and our removal of it.
  const rename = disk.rename.bind(disk)
  let other: FolderLock | null = null
  disk.rename = (from, to) => {
    disk.rename = rename
    other = FolderLock.take(disk, '/folder', 'other')
    rename(from, to)
  }
  refusal(() => FolderLock.take(disk, '/folder', 'mine'))
  ok(other!.isHeld)
  deepEqual(disk.list('/folder'), ['lock'])
})

test('whose lock was removed by hand notices, and does not remove that of his successor', (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const first = FolderLock.take(disk, path, 'first')
  rmSync(join(path, 'lock'))
  equal(first.isHeld, false)
  const second = FolderLock.take(disk, path, 'second')
  first.release()
  ok(second.isHeld)
  second.release()
})
