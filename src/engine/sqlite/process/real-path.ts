/** The file itself, whatever leads to it: what stands beside it (who lives, whom to wake) is named after it, and everybody must find the same. */
import { readlinkSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Of a file that need not be there yet, nor what a symbolic link to it says. */
export function realPathOf(file: string): string {
  const path = resolve(file)
  try {
    return realpathSync(path)
  } catch (error) {
    // A circle of links is the opening's to report.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return path
  }
  try {
    return realPathOf(resolve(dirname(path), readlinkSync(path)))
  } catch {
    return path
  }
}
