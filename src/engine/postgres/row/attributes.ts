/**
 * A message without its body as the text of a column. What its other columns and its id say already is left out, so that messages of one
 * kind mostly share one short text: half of what a message of a few hundred bytes costs to write would be this.
 */
import { timeOfUuid } from '../../../core/id.ts'
import { DEFAULT_PRIORITY, type EventAttributes, type Message } from '../../../core/message.ts'

/** An event that says so, and was made with its message, leaves these out. One without them says null. */
const SOURCE = 'posthorn:'
const CONTENT_TYPE = 'application/json'
/** Texts by the types of their events, so many at most. */
const MOST_TEXTS = 1_000

/** Of an event: without an id it is its message's, and what else is left out follows from above. */
type Short = { readonly [name in string]?: string | number | boolean | null | undefined }

interface Stored extends Partial<Omit<Message, 'id' | 'body' | 'event'>> {
  readonly event: Short
}

const texts = new Map<string, string>()
const parsed = new Map<string, Stored>()
let timeMs: number | null = Number.NaN
let time: string | null = null

export function toAttributes(message: Message): string {
  const { id, event } = message
  if (!isUsual(message)) return textOf(message)
  const known = texts.get(event.type)
  if (known !== undefined) return known
  const text = textOf({ id, event, body: message.body, priority: DEFAULT_PRIORITY })
  keep(texts, event.type, text)
  return text
}

/** @param report as the column says */
export function fromAttributes(text: string, id: string, report: string | null): Omit<Message, 'body'> {
  const stored = parse(text)
  const message = { id, event: eventOf(stored.event, id), priority: DEFAULT_PRIORITY }
  if (report !== null) Object.assign(message, { report })
  if (parsed.has(text)) return message
  const { event: _, ...others } = stored
  return Object.assign(message, others)
}

/** Nothing but what every message has, and what a task's has. */
function isUsual(message: Message): boolean {
  for (const name in message) if (!USUAL.has(name) && message[name as keyof Message] !== undefined) return false
  const { event, id } = message
  for (const name in event) if (!USUAL_OF_EVENT.has(name) && event[name] !== undefined) return false
  return (
    message.priority === DEFAULT_PRIORITY &&
    event.id === id &&
    event.source === SOURCE &&
    event.datacontenttype === CONTENT_TYPE &&
    event.time !== undefined &&
    event.time === timeOf(id)
  )
}

const USUAL = new Set(['id', 'event', 'body', 'priority', 'report'])
const USUAL_OF_EVENT = new Set(['id', 'source', 'type', 'time', 'datacontenttype'])

function textOf({ id, body: _body, report: _report, event, priority, ...others }: Message): string {
  return JSON.stringify({
    event: event.id === id ? shorten(event, id) : event,
    ...(priority === DEFAULT_PRIORITY ? {} : { priority }),
    ...others,
  })
}

function shorten(event: EventAttributes, id: string): Short {
  const { id: _, source, time: at, datacontenttype, ...others } = event
  return {
    ...(source === SOURCE ? {} : { source }),
    ...(at !== undefined && at === timeOf(id) ? {} : { time: at ?? null }),
    ...(datacontenttype === CONTENT_TYPE ? {} : { datacontenttype: datacontenttype ?? null }),
    ...others,
  }
}

function eventOf(short: Short, id: string): EventAttributes {
  if (short['id'] !== undefined) return short as EventAttributes
  const event: Record<string, unknown> = { id, source: SOURCE, type: '', time: null, datacontenttype: CONTENT_TYPE }
  if (short['time'] === undefined) event['time'] = timeOf(id)
  for (const name in short) event[name] = short[name]
  if (event['time'] === null) delete event['time']
  if (event['datacontenttype'] === null) delete event['datacontenttype']
  return event as unknown as EventAttributes
}

/** Of those that are read again and again, and have nothing that somebody could change. */
function parse(text: string): Stored {
  const known = parsed.get(text)
  if (known !== undefined) return known
  const stored = JSON.parse(text) as Stored
  const { event, ...others } = stored
  if (event['id'] === undefined && Object.keys(others).length === 0) keep(parsed, text, stored)
  return stored
}

/** When the id was made, as events say it; null where it does not say. */
function timeOf(id: string): string | null {
  const ms = timeOfUuid(id)
  if (ms !== timeMs) {
    timeMs = ms
    time = ms === null ? null : new Date(ms).toISOString()
  }
  return time
}

function keep<T>(cache: Map<string, T>, key: string, value: T): void {
  if (cache.size >= MOST_TEXTS) cache.clear()
  cache.set(key, value)
}
