/** On which file system a folder is: from Linux's own table of mounts; elsewhere nobody tells. */
import { readFileSync, realpathSync } from 'node:fs'

export interface Mount {
  readonly at: string
  /** `ext4`, `nfs4`, `overlay`, … */
  readonly type: string
  readonly source: string
  readonly options: readonly string[]
}

/** null where the system has no such table. */
export function mountOf(folder: string): Mount | null {
  try {
    return findMount(readFileSync('/proc/self/mountinfo', 'utf8'), realpathSync(folder))
  } catch {
    return null
  }
}

/** The mount with the longest path that the folder is below; of several at one place the last, which hides the others. */
export function findMount(table: string, folder: string): Mount | null {
  let found: Mount | null = null
  for (const line of table.split('\n')) {
    const mount = parseLine(line)
    if (mount === null || !isBelow(folder, mount.at)) continue
    if (found === null || mount.at.length >= found.at.length) found = mount
  }
  return found
}

/** `36 35 98:0 /root /at options [optional fields] - type source options`; spaces in names are octal. */
function parseLine(line: string): Mount | null {
  const [before, after] = line.split(' - ')
  const [, , , , at, own = ''] = before?.split(' ') ?? []
  const [type, source, shared = ''] = after?.split(' ') ?? []
  if (at === undefined || type === undefined || source === undefined) return null
  return { at: unescape(at), type, source: unescape(source), options: [...own.split(','), ...shared.split(',')] }
}

function isBelow(folder: string, at: string): boolean {
  return at === '/' || folder === at || folder.startsWith(`${at}/`)
}

function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)))
}
