import { equal } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { nodeProcesses } from './process.ts'

test('we run, another of our number did not', () => {
  const { self, isRunning } = nodeProcesses()
  equal(isRunning(self), true)
  equal(isRunning({ ...self, started: 'another boot/1' }), false)
  equal(isRunning({ ...self, host: 'elsewhere' }), null)
})

test('a process that was killed does not run, also where nobody asked how it ended', { skip: process.platform !== 'linux' && 'zombies are told by /proc' }, async (context) => {
  // The shell starts a child, tells its number, and becomes a program that never asks how the child ended.
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
  context.after(() => parent.kill('SIGKILL'))
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  const { self, isRunning } = nodeProcesses()
  const child = { pid, started: '', host: self.host }
  equal(isRunning(child), true)
  process.kill(pid, 'SIGKILL')
  const state = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? ''
  while (state() !== 'Z') await new Promise(setImmediate)
  equal(isRunning(child), false)
})
