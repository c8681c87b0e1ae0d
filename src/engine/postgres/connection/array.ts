/**
 * Lists as the server takes them in binary: no quoting, no hexadecimal digits, nothing to parse on either side. A statement says by its
 * casts (`$1::int[]`) of what each is.
 */

/** Numbers of the types of elements, as every server has them. */
const TYPES = { boolean: 16, bytea: 17, bigint: 20, smallint: 21, int: 23, text: 25, uuid: 2950 } as const
export type ElementType = keyof typeof TYPES

const HEADER = 20
const SIZES: Readonly<Record<Exclude<ElementType, 'text' | 'bytea'>, number>> = {
  boolean: 1,
  smallint: 2,
  int: 4,
  bigint: 8,
  uuid: 16,
}
const HIGH = 2 ** 32
const INVALID_TEXT_REPRESENTATION = '22P02'

const CAST = /\$(\d+)::(boolean|bytea|bigint|smallint|int|text|uuid)\[\]/g

/** Which parameters of a statement are lists, and of what. */
export function listsOf(text: string): readonly (ElementType | undefined)[] {
  const lists: (ElementType | undefined)[] = []
  for (const [, at, type] of text.matchAll(CAST)) lists[Number(at) - 1] = type as ElementType
  return lists
}

/** @throws an error as the server would give for a value that is none of that type */
export function encodeList(type: ElementType, values: readonly unknown[]): Buffer {
  try {
    return encode(type, values)
  } catch (error) {
    const message = `a list of ${type} has a value that is none: ${String(error)}`
    throw Object.assign(new RangeError(message, { cause: error }), { code: INVALID_TEXT_REPRESENTATION })
  }
}

function encode(type: ElementType, values: readonly unknown[]): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER + values.length * 4 + lengthOf(type, values))
  bytes.writeInt32BE(values.length === 0 ? 0 : 1, 0)
  bytes.writeInt32BE(1, 4)
  bytes.writeInt32BE(TYPES[type], 8)
  // The number of elements, and the number of the first.
  bytes.writeInt32BE(values.length, 12)
  bytes.writeInt32BE(1, 16)
  let at = HEADER
  for (const value of values) {
    if (value === null || value === undefined) {
      at = bytes.writeInt32BE(-1, at)
      continue
    }
    const length = write(bytes, at + 4, type, value)
    bytes.writeInt32BE(length, at)
    at += 4 + length
  }
  return values.length === 0 ? bytes.subarray(0, 12) : bytes.subarray(0, at)
}

/** At most. */
function lengthOf(type: ElementType, values: readonly unknown[]): number {
  if (type !== 'text' && type !== 'bytea') return SIZES[type] * values.length
  let length = 0
  for (const value of values) {
    if (value === null || value === undefined) continue
    // Three bytes for what is one unit of a string, at most.
    length += typeof value === 'string' ? value.length * 3 : (value as Uint8Array).byteLength
  }
  return length
}

function write(bytes: Buffer, at: number, type: ElementType, value: unknown): number {
  switch (type) {
    case 'text':
      return bytes.write(value as string, at)
    case 'bytea':
      bytes.set(value as Uint8Array, at)
      return (value as Uint8Array).byteLength
    case 'uuid':
      return writeUuid(bytes, at, value as string)
    case 'boolean':
      bytes[at] = value === true ? 1 : 0
      return 1
    case 'smallint':
      return bytes.writeInt16BE(value as number, at) - at
    case 'int':
      return bytes.writeInt32BE(value as number, at) - at
    case 'bigint':
      if (!Number.isSafeInteger(value)) throw new RangeError(`${String(value)} is no whole number below 2^53`)
      bytes.writeInt32BE(Math.floor((value as number) / HIGH), at)
      bytes.writeUInt32BE((value as number) >>> 0, at + 4)
      return 8
  }
}

/** 32 hexadecimal digits in groups. */
function writeUuid(bytes: Buffer, at: number, text: string): number {
  let end = at
  for (let from = 0; from < text.length;) {
    const code = text.charCodeAt(from)
    if (code === DASH) {
      from++
      continue
    }
    bytes[end++] = (digitOf(code) << 4) | digitOf(text.charCodeAt(from + 1))
    from += 2
  }
  if (end - at !== SIZES.uuid) throw new RangeError(`'${text}' is no UUID`)
  return SIZES.uuid
}

const DASH = 45

function digitOf(code: number): number {
  // '0' to '9', then 'A' to 'F' and 'a' to 'f', whose low bits are one to six.
  return code < 58 ? code - 48 : (code & 7) + 9
}
