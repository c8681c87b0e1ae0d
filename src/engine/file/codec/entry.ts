/** The entries of a frame as bytes: one opcode each, then its fields, little-endian. Numbers once given are never changed. */

export const OP = {
  /** No more entries: only zeros follow. */
  none: 0,
  block: 1,
  opened: 2,
  named: 3,
  queueSet: 4,
  queueGone: 5,
  added: 6,
  readied: 7,
  held: 8,
  delayed: 9,
  leased: 10,
  extended: 11,
  failed: 12,
  released: 13,
  cancelRequested: 14,
  buried: 15,
  redriven: 16,
  ended: 17,
  forgotten: 18,
  recordPut: 19,
  recordRemoved: 20,
  topicSet: 21,
  topicGone: 22,
  retained: 23,
  trimmed: 24,
  subscriptionSet: 25,
  subscriptionGaps: 26,
  subscriptionGone: 27,
  deduped: 28,
  remembered: 29,
} as const

/** A block: opcode, number, length, CRC, then its bytes. What is kept of it points at the length. */
export const BLOCK_BYTES = 13
export const BLOCK_PREFIX_BYTES = 8

/** Fields of a message that most messages lack, in the order in which they follow: a bit says which are there. */
export const ADDED = {
  place: 1,
  due: 2,
  expires: 4,
  key: 8,
  group: 16,
  report: 32,
  reason: 64,
  acquired: 128,
  failed: 256,
  released: 512,
  about: 1024,
} as const
/** Opcode, bits, state, flags, priority, slot, queue, id, block, bytes, seq, sentAt, type. */
export const ADDED_BYTES = 58
