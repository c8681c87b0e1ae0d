// Makes the repository ready to run: installs what package-lock.json names, only where it changed.
// Runs before every npm script, under whatever Node the system has (18 or later), so it uses nothing newer.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const stamp = join(modules, '.posthorn-setup')
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  rmSync(stamp, { force: true })
  install()
  linkBin()
  writeFileSync(stamp, wanted)
}

if (!existsSync(join(modules, '.bin', 'node')) && Number.parseInt(process.versions.node, 10) < 24) {
  console.error(
    `Posthorn needs Node 24 or later, and npm has none for ${process.platform}-${process.arch}: install one yourself.`,
  )
  process.exit(1)
}

// `npm pack` here would pack the repository: private, with TypeScript and a Node of its own among its dependencies.
if (process.argv.includes('--pack') && process.env.npm_command === 'pack') {
  console.error('The package is packed from a staged folder with a manifest of its own: npm run pack')
  process.exit(1)
}

function install() {
  console.error('Installing dependencies (npm ci), once for this package-lock.json …')
  const cache = hasHome() ? undefined : mkdtempSync(join(tmpdir(), 'posthorn-npm-'))
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: { ...process.env, PATH: systemPath(), ...(cache && { npm_config_cache: cache }) },
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (cache) rmSync(cache, { recursive: true, force: true })
  if (status === 0) return
  console.error(
    `\nSet-up failed: npm ci ${error ? `could not be run (${error.message})` : `ended with status ${status}`}, in ${root}.\n` +
      'The lines above say why. It needs npm in the PATH, the npm registry (or a proxy: npm config set registry URL)\n' +
      'and the right to write to node_modules. Then run the same command again.',
  )
  process.exit(1)
}

// npm links the bins of dependencies only; with this, `npx posthorn` works inside the repository too.
function linkBin() {
  const link = join(modules, '.bin', 'posthorn')
  rmSync(link, { force: true })
  if (process.platform === 'win32') writeFileSync(`${link}.cmd`, '@node "%~dp0\\..\\..\\bin\\posthorn.js" %*\r\n')
  else symlinkSync('../../bin/posthorn.js', link)
}

// npm must not run on the Node inside the node_modules that it is about to remove.
function systemPath() {
  const bin = join('node_modules', '.bin')
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith(bin))
    .join(delimiter)
}

// Service accounts and containers often have no home, and npm fails where it cannot write its cache.
function hasHome() {
  try {
    if (!homedir()) return false
    accessSync(homedir(), constants.W_OK)
    return true
  } catch {
    return false
  }
}
