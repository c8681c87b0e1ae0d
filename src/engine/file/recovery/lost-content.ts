/** What lacks a segment knows its number only: this says which file it is, and what is wrong with it. */
import { join } from 'node:path'
import { PosthornError, isPosthornError } from '../../../core/error.ts'
import { segmentName } from '../log/segment.ts'
import type { Disk } from '../disk/disk.ts'
import { HEAD_BYTES } from './survey.ts'

/** The error with its file and range, where it is of content in a segment that was not found right; else as it is. */
export function inItsFile(error: unknown, disk: Disk, folder: string): unknown {
  const segment = isPosthornError(error) && error.code === 'corrupt' ? error.details['segment'] : undefined
  if (typeof segment !== 'number') return error
  const name = segmentName(segment)
  const file = join(folder, name)
  const isThere = disk.list(folder).includes(name)
  const until = isThere ? HEAD_BYTES : 0
  return new PosthornError(
    'corrupt',
    isThere
      ? `${file} is damaged between bytes 0 and ${until} (its head is not what it was), and content that is needed is in it`
      : `${file} is missing, and content that is needed is in it`,
    { details: { file, from: 0, until, segment }, cause: error },
  )
}
