import { equal } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { nodeProcesses } from './process.ts'

test('we run, another of our number did not', () => {
  const processes = nodeProcesses()
  equal(processes.isRunning(processes.self), true)
  equal(processes.isRunning({ ...processes.self, started: 'another boot/1' }), false)
  equal(processes.isRunning({ ...processes.self, host: 'elsewhere' }), null)
})

test(
  'a process that was killed does not run, also where nobody asked how it ended',
  { skip: process.platform !== 'linux' && 'zombies are told by /proc' },
  async (context) => {
    // The shell starts a child, tells its number, and becomes a program that never asks how the child ended.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
    context.after(() => parent.kill('SIGKILL'))
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(line.toString())
    const processes = nodeProcesses()
    const child = { pid, started: '', host: processes.self.host }
    equal(processes.isRunning(child), true)
    process.kill(pid, 'SIGKILL')
    while (stateOf(pid) === 'alive') await new Promise(setImmediate)
    equal(processes.isRunning(child), false)
  },
)

/** A shell that has not become the other program yet does ask: then there is nothing left to see. */
function stateOf(pid: number): 'alive' | 'ended' {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] === 'Z' ? 'ended' : 'alive'
  } catch {
    return 'ended'
  }
}
