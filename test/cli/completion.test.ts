// Completion as the shells themselves do it: bash always, zsh and fish where they are installed.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { run, runOn, type Running } from './command.ts'

const bin = join(import.meta.dirname, '../../bin/posthorn.js')
const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0

describe('completion', () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-completion-'))
  const engine = `file:${join(folder, 'engine')}`
  const env = {
    ...process.env,
    PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
    POSTHORN_URL: engine,
    TERM: 'xterm',
  }
  let server: Running
  before(async () => {
    mkdirSync(join(folder, 'bin'))
    const command = join(folder, 'bin/posthorn')
    writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`)
    chmodSync(command, 0o755)
    for (const shell of ['bash', 'zsh', 'fish'])
      writeFileSync(join(folder, shell), (await run(['completion', shell])).out)
    server = runOn(['serve', '--engine', engine, '--port', '0'])
    await server.event('listening')
    for (const queue of ['inbox', 'task:resize', 'task:remove'])
      equal((await run(['send', queue, '{}', '--engine', engine])).code, 0)
  })
  after(async () => {
    server.kill('SIGTERM')
    await server.ended
    rmSync(folder, { recursive: true, force: true })
  })

  test('bash: commands, options and their values, files, and queues with a colon in their names', (context) => {
    if (!has('bash')) return context.skip('bash: not installed')
    const complete = (line: string): readonly string[] => {
      const script = `source '${join(folder, 'bash')}'
        COMP_LINE="$1" COMP_POINT=\${#1}
        _posthorn
        printf '%s\\n' "\${COMPREPLY[@]}"`
      return execFileSync('bash', ['--norc', '-c', script, 'bash', line], { env, cwd: folder, encoding: 'utf8' })
        .split('\n')
        .filter((word) => word !== '')
    }
    deepEqual(complete('posthorn pur'), ['purge'])
    ok(complete('posthorn ').includes('serve'))
    ok(complete('posthorn ').includes('--json'))
    deepEqual(complete('posthorn serve --min'), ['--min-free'])
    deepEqual(complete('posthorn purge inbox --state de'), ['delayed', 'dead'])
    deepEqual(complete('posthorn completion z'), ['zsh'])
    deepEqual(complete('posthorn work ba'), ['bash'])
    deepEqual(complete('posthorn --key-file zs'), ['zsh'])
    deepEqual(complete('posthorn show in'), ['inbox'])
    // Bash has parted the word at the colon: what stands before it is not given again.
    deepEqual(complete('posthorn redrive task:re'), ['remove', 'resize'])
    deepEqual(complete(`posthorn --engine ${engine} tail in`), ['inbox'])
    deepEqual(complete(`posthorn tail --engine file:/nowhere in`), [])
    deepEqual(complete('posthorn serve --port '), [])
    deepEqual(complete('posthorn --engine '), [])
  })

  test('fish: the same', (context) => {
    if (!has('fish')) return context.skip('fish: not installed')
    const complete = (line: string): readonly string[] =>
      execFileSync('fish', ['--no-config', '-c', `source '${join(folder, 'fish')}'; complete -C $argv[1]`, line], {
        env: { ...env, HOME: folder },
        cwd: folder,
        encoding: 'utf8',
      })
        .split('\n')
        .filter((word) => word !== '')
        .map((word) => word.split('\t')[0]!)
    deepEqual(complete('posthorn pur'), ['purge'])
    deepEqual(complete('posthorn serve --min'), ['--min-free'])
    deepEqual(complete('posthorn purge inbox --state de').toSorted(), ['dead', 'delayed'])
    deepEqual(complete('posthorn redrive task:re').toSorted(), ['task:remove', 'task:resize'])
    deepEqual(complete('posthorn completion z'), ['zsh'])
  })

  test('zsh: the same', async (context) => {
    if (!has('zsh')) return context.skip('zsh: not installed')
    if (spawnSync('script', ['--version']).status !== 0)
      return context.skip('zsh: no script of util-linux to give it a terminal')
    const made = join(folder, 'made')
    // What it has made of the line when a key is pressed that nobody else uses.
    const settings = `PS1='> '; autoload -Uz compinit && compinit -u -d '${join(folder, 'dump')}'; source '${join(folder, 'zsh')}'
      show() { print -r -- "$BUFFER" > '${made}'; exit }; zle -N show; bindkey '^X' show; print ready`
    writeFileSync(join(folder, '.zshrc'), settings)
    const complete = async (line: string): Promise<string> => {
      const shell = spawn('script', ['-qec', 'zsh -i', '/dev/null'], {
        env: { ...env, ZDOTDIR: folder },
        cwd: folder,
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      shell.stdout.once('data', () => shell.stdin.write(`${line}\t\u0018`))
      await once(shell, 'exit')
      return readFileSync(made, 'utf8')
    }
    match(await complete('posthorn pur'), /^posthorn purge/)
    match(await complete('posthorn serve --min'), /^posthorn serve --min-free/)
    match(await complete('posthorn show in'), /^posthorn show inbox/)
    match(await complete('posthorn completion z'), /^posthorn completion zsh/)
  })

  test('a shell that there is not, and an engine that nobody has open', async () => {
    const wrong = await run(['completion', 'tcsh'])
    equal(wrong.code, 2)
    match(wrong.err, /Allowed choices are bash, zsh, fish/)
    deepEqual(await run(['__queues', '--engine', `file:${join(folder, 'none')}`]), { code: 0, out: '', err: '' })
  })
})
