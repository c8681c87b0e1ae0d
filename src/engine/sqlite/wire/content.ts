/** A message's content: its attributes as JSON and, from `split` on, its body. Nobody on the way needs to look into it, and it is copied as one. */
import type { Message } from '../../../core/message.ts'

export interface Content {
  readonly split: number
  readonly bytes: Uint8Array
}

export type Attributes = Omit<Message, 'body'>

const encoder = new TextEncoder()

export function attributesOf({ split, bytes }: Content): Attributes {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, split).toString()) as Attributes
}

export function bodySize({ split, bytes }: Content): number {
  return bytes.byteLength - split
}

export function joinContent(attributes: Attributes, body: Uint8Array): Content {
  const head = encoder.encode(JSON.stringify(attributes))
  const bytes = new Uint8Array(head.byteLength + body.byteLength)
  bytes.set(head)
  bytes.set(body, head.byteLength)
  return { split: head.byteLength, bytes }
}
