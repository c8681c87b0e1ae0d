/** How a message's content is laid out: what its writer and its reader must agree on. Numbers once given are never changed. */

export const TAG = {
  body: 0,
  text: 1,
  number: 2,
  boolean: 3,
  cost: 5,
  delayAfter: 6,
  delayAt: 7,
  expiresAfter: 8,
  expiresAt: 9,
  deadline: 10,
  notes: 11,
} as const

/** Names that take one byte instead of a text: attributes of the event, then the message's own texts. Only ever added to. */
export const EVENT_NAMES = [
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
  'traceparent',
  'tracestate',
  'correlationid',
  'causationid',
] as const
export const NAMED_EVENT = 32
export const MESSAGE_TAG = { key: 128, group: 129, dedupe: 130, replyTo: 131, report: 132 } as const
export const TIME: number = NAMED_EVENT + EVENT_NAMES.indexOf('time')
export const EVENT_TAGS: ReadonlyMap<string, number> = new Map(
  EVENT_NAMES.map((name, index) => [name, NAMED_EVENT + index]),
)

/** In the byte of the priority: the event's id is the message's. */
export const SAME_ID = 0x80
/** Id, priority, length of the head. */
export const PREFIX_BYTES = 19
/** A text shorter than this has one byte of length, any other four more. */
export const LONG_TEXT = 0xff
/** A head longer than this is not written as one: its attributes stand among the others. */
export const LONGEST_HEAD = 0xffff

/**
 * The attributes that messages of one kind have in common, as texts and as bytes. One after the other is mostly of the same kind, so the
 * last head is kept, and its texts are shared by those who read them.
 */
export interface Head {
  readonly source: string
  readonly type: string
  readonly datacontenttype: string | undefined
  readonly dataschema: string | undefined
  readonly bytes: Buffer
}

export const NO_HEAD: Head = {
  source: '',
  type: '',
  datacontenttype: undefined,
  dataschema: undefined,
  bytes: Buffer.alloc(0),
}
