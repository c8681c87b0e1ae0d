/** What files there are under a folder, and what has become of them since the last look. */
import type { BigIntStats, Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

export interface SeenFile {
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** Differs where the file differs: written to, or another one under its name. */
  readonly mark: string
}

export interface Look {
  /** By path from the root, with `/`. */
  readonly files: ReadonlyMap<string, SeenFile>
  /** From the root, '' for itself. */
  readonly folders: readonly string[]
  /** There were more than the limits allow; the others are not looked at. */
  readonly isCut: boolean
}

export interface LookOptions {
  readonly isDeep: boolean
  /** The only name in the root that counts; null: all. */
  readonly only: string | null
  readonly ignore: (path: string) => boolean
  readonly mostFiles: number
  readonly mostFolders: number
  /** Called before a folder is read, so that nothing can happen between, with what tells it from another one under its name. */
  readonly entering: (folder: string, mark: string) => void
}

/** @throws Node's own error where the root cannot be read, or nothing can be said of what is below */
export async function look(root: string, options: LookOptions): Promise<Look> {
  const files = new Map<string, SeenFile>()
  const folders = ['']
  let isCut = false
  for (let at = 0; at < folders.length; at++) {
    const folder = folders[at]!
    for (const entry of await entriesOf(root, folder, options)) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if ((options.only !== null && path !== options.only) || options.ignore(path)) continue
      if (entry.isDirectory()) {
        if (!options.isDeep) continue
        if (folders.length < options.mostFolders) folders.push(path)
        else isCut = true
      } else if (entry.isFile()) {
        const seen = files.size < options.mostFiles ? await see(join(root, path)) : null
        if (seen !== null) files.set(path, seen)
        else if (files.size >= options.mostFiles) isCut = true
      }
    }
  }
  return { files, folders, isCut }
}

async function entriesOf(root: string, folder: string, { entering }: LookOptions): Promise<readonly Dirent[]> {
  try {
    const path = join(root, folder)
    const { ino, birthtimeNs } = await lstat(path, { bigint: true })
    entering(folder, `${ino}.${birthtimeNs}`)
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    // It was removed meanwhile, and its parent will say so; the root is another matter.
    if (folder !== '' && isGone(error)) return []
    throw error
  }
}

/** Not there, or not ours to see. What else may fail (too many open files, a server that does not answer) says nothing of it. */
export function isGone(error: unknown): boolean {
  return GONE.includes((error as NodeJS.ErrnoException).code ?? '')
}

const GONE = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']

async function see(path: string): Promise<SeenFile | null> {
  let stats: BigIntStats
  try {
    stats = await lstat(path, { bigint: true })
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
  const { size, mtimeNs, ctimeNs, ino, mtimeMs } = stats
  return { sizeBytes: Number(size), modifiedMs: Number(mtimeMs), mark: `${ino}.${size}.${mtimeNs}.${ctimeNs}` }
}

export interface Difference {
  readonly kind: 'created' | 'changed' | 'removed'
  readonly path: string
  /** As it is now; of one that is gone, as it was. */
  readonly file: SeenFile
}

/** Removals first, then in the order of paths. */
export function differences(
  before: ReadonlyMap<string, SeenFile>,
  now: ReadonlyMap<string, SeenFile>,
): readonly Difference[] {
  const gone = [...before].filter(([path]) => !now.has(path))
  const found = [...now].filter(([path, { mark }]) => before.get(path)?.mark !== mark)
  const byPath = ([one]: readonly [string, SeenFile], [other]: readonly [string, SeenFile]) => (one < other ? -1 : 1)
  return [
    ...gone.sort(byPath).map(([path, file]) => ({ kind: 'removed' as const, path, file })),
    ...found
      .sort(byPath)
      .map(([path, file]) => ({ kind: before.has(path) ? ('changed' as const) : ('created' as const), path, file })),
  ]
}
