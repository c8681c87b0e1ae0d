/** What is in the folder at open: every segment with its head, before anything of it is believed. */
import { join } from 'node:path'
import { PosthornError, isPosthornError } from '../../../core/error.ts'
import { isDiskError, type Disk, type DiskFile, type OpenMode } from '../disk/disk.ts'
import { FORMAT, KINDS, type StoredHeader } from '../log/frame.ts'
import { FrameReader, type FoundFrame } from '../log/frame-reader.ts'
import { BLANK, parseHead, segmentNumber, type SegmentHead } from '../log/segment.ts'

export interface FoundSegment {
  readonly number: number
  readonly file: DiskFile
  readonly sizeBytes: number
  /** null: never used, or its head is damaged. A replay may find that one bit of it was. */
  head: (SegmentHead & { readonly header: StoredHeader; readonly endBytes: number }) | null
  /** Made and never used. */
  readonly isBlank: boolean
}

/** A head is much smaller. */
export const HEAD_BYTES = 4096

/** @throws PosthornError `newer-format`, or `corrupt` for a segment under another's name, where nobody wants to know of it */
export function surveySegments(
  disk: Disk,
  folder: string,
  mode: OpenMode = 'existing',
  onUnfit?: (file: DiskFile) => void,
): FoundSegment[] {
  const found: FoundSegment[] = []
  for (const name of disk.list(folder)) {
    const number = segmentNumber(name)
    if (number === null) continue
    let file: DiskFile | null = null
    try {
      file = disk.open(join(folder, name), mode)
      found.push(surveySegment(number, file))
    } catch (error) {
      // Who reads while the owner works may find it removed since it was listed.
      if (file === null && isDiskError(error, 'ENOENT')) continue
      if (file !== null && onUnfit !== undefined && isPosthornError(error) && error.code === 'corrupt') {
        onUnfit(file)
        file.close()
        continue
      }
      for (const opened of [file, ...found.map((segment) => segment.file)]) opened?.close()
      throw error
    }
  }
  return found.sort((left, right) => left.number - right.number)
}

function surveySegment(number: number, file: DiskFile): FoundSegment {
  const reader = new FrameReader(file, HEAD_BYTES)
  const sizeBytes = reader.sizeBytes
  const isBlank = sizeBytes === 0 || Buffer.compare(reader.start(BLANK.byteLength), BLANK) === 0
  const frame = isBlank ? null : reader.at(0)
  if (frame === null || frame.header.kind !== KINDS.head) return { number, file, sizeBytes, head: null, isBlank }
  refuseNewer(frame, file.path)
  const head = parseHead(frame.bytes.subarray(frame.from, frame.end))
  if (head.segment !== number) {
    throw new PosthornError(
      'corrupt',
      `${file.path} is a copy of segment ${head.segment} under another name: remove it`,
      { details: { file: file.path, segment: head.segment } },
    )
  }
  return { number, file, sizeBytes, head: { ...head, header: frame.header, endBytes: frame.next }, isBlank }
}

/** @throws PosthornError `newer-format` */
export function refuseNewer({ header }: FoundFrame, path: string): void {
  if (header.format <= FORMAT) return
  throw new PosthornError(
    'newer-format',
    `${path} has format ${header.format}; this version of Posthorn reads up to ${FORMAT}: open it with a newer version`,
    { details: { file: path, format: header.format, supported: FORMAT } },
  )
}
