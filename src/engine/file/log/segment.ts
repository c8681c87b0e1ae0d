/**
 * A segment: one file of the log. Its first frame, the head, says what it is and where the log comes from, so that the order of
 * the segments follows from their heads and not from their names.
 */
import type { DiskFile } from '../disk/disk.ts'
import { FORMAT, KINDS, makeFrame, type FrameHeader } from './frame.ts'

/** The payload of a head. */
export interface SegmentHead {
  readonly posthorn: 'log'
  readonly format: number
  /** The number in its file's name, so that a copy under another name is noticed. */
  readonly segment: number
  /** The file is at least as long, or it was cut short. */
  readonly filledBytes: number
  /** Where the log comes from: the last frame of the segment before; null for the very first. */
  readonly previous: Origin | null
}

export interface Origin {
  readonly incarnation: number
  readonly sequence: number
}

export interface Segment {
  readonly number: number
  readonly file: DiskFile
  /** The log goes on in another segment from here. A frame that begins before may end behind it. */
  capacityBytes: number
  /** Durably filled: to write within does not change the file's length. */
  filledBytes: number
  incarnation: number
  /** Sequences of its first frame behind the head and, once the log has left it, of its last: smaller where there is none. */
  first: number
  last: number
  /** Where its next frame begins. */
  endBytes: number
  /** Bytes of the blocks in it that are still needed. */
  liveBytes: number
  /** Reads under way: it must not be used again before they end. */
  readers: number
}

/** A file that was made and not used yet begins with this instead of a head. */
export const BLANK: Uint8Array = new TextEncoder().encode('PHBLANK\n')

const NAME = /^segment-(\d{6,})\.log$/

export const segmentName = (number: number): string => `segment-${String(number).padStart(6, '0')}.log`

export function segmentNumber(name: string): number | null {
  const match = NAME.exec(name)
  return match === null ? null : Number(match[1])
}

/** A segment that holds nothing yet. */
export function blankSegment(number: number, file: DiskFile, capacityBytes: number): Segment {
  return {
    number,
    file,
    capacityBytes,
    filledBytes: 0,
    incarnation: 0,
    first: 0,
    last: 0,
    endBytes: 0,
    liveBytes: 0,
    readers: 0,
  }
}

/** The frame that begins a segment. Its sequence is that of the frame behind it. */
export function makeHead(
  header: Omit<FrameHeader, 'lengthBytes' | 'kind'>,
  head: Omit<SegmentHead, 'posthorn' | 'format'>,
): readonly Uint8Array[] {
  const text = JSON.stringify({ posthorn: 'log', format: FORMAT, ...head } satisfies SegmentHead)
  return makeFrame({ ...header, kind: KINDS.head }, new TextEncoder().encode(text))
}

/** The payload of what is written behind the last frame of a segment once the log has left it, so that the one that follows is missed. */
export interface SegmentLeft {
  /** Where the log went on. */
  readonly segment: number
}

export function makeLeft(header: Omit<FrameHeader, 'lengthBytes' | 'kind'>, left: SegmentLeft): readonly Uint8Array[] {
  return makeFrame({ ...header, kind: KINDS.left }, new TextEncoder().encode(JSON.stringify(left)))
}

/** @throws SyntaxError */
export function parseHead(payload: Uint8Array): SegmentHead {
  return JSON.parse(new TextDecoder().decode(payload)) as SegmentHead
}

/** @throws SyntaxError */
export function parseLeft(payload: Uint8Array): SegmentLeft {
  return JSON.parse(new TextDecoder().decode(payload)) as SegmentLeft
}
