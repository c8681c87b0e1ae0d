/** The schemas that several routes share, by the names that the document gives them. */
import { APP_COMPONENTS } from '../app/resource.ts'
import { list, object, ref, text, time, uuid, count, type Components } from './json-schema.ts'
import { ENDPOINT_COMPONENTS } from './endpoint-component.ts'
import { QUEUE_COMPONENTS } from './queue-component.ts'
import { TOPIC_COMPONENTS } from './topic-component.ts'

const event = object(
  {
    specversion: { const: '1.0' },
    id: text("The event's own id, unique per source. Posthorn's id of the message is beside it."),
    source: text(),
    type: text(),
    subject: text(),
    time,
    datacontenttype: text(),
    dataschema: text(),
    data: { description: 'The data, where it is JSON or text.' },
    data_base64: { type: 'string', contentEncoding: 'base64', description: 'The data as base64 otherwise.' },
  },
  {
    optional: ['subject', 'time', 'datacontenttype', 'dataschema', 'data', 'data_base64'],
    description: 'A CloudEvent 1.0 in its JSON form. Every other member is an extension attribute.',
  },
)

const problem = object(
  {
    type: { type: 'string', format: 'uri' },
    title: text(),
    status: { type: 'integer' },
    code: text('From the table of codes, or one of a task’s own.'),
    detail: text(),
    instance: text(),
    data: { description: 'Of a task’s own error: its data.' },
  },
  { optional: ['detail', 'instance', 'data'], description: 'RFC 9457.' },
)

const operation = object(
  {
    id: uuid,
    task: text(),
    status: { enum: ['accepted', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] },
    done: { type: 'boolean' },
    progress: object({ fraction: { type: 'number', minimum: 0, maximum: 1 }, note: text() }, { optional: ['note'] }),
    output: { description: 'What the task gave, where it succeeded.' },
    error: ref('Problem'),
    attempts: { ...count, description: 'Times it was handed to a handler.' },
    group: text(),
    createdAt: time,
    startedAt: time,
    endedAt: time,
    expiresAt: { ...time, description: 'Until when it is kept.' },
    durability: ref('Durability'),
    duplicate: { type: 'boolean' },
    links: object({ self: text(), cancel: text() }),
  },
  {
    optional: ['progress', 'output', 'error', 'group', 'startedAt', 'endedAt', 'expiresAt', 'durability', 'duplicate'],
  },
)

export const COMPONENTS: Components = {
  ...APP_COMPONENTS,
  Event: event,
  EventAttributes: {
    ...event,
    description: 'The attributes of a CloudEvent; with its data where one message is asked for.',
  },
  Problem: problem,
  Durability: {
    enum: ['memory', 'os', 'disk', 'quorum', 'joined'],
    description: 'What the confirmed write survives: nothing, the process, power loss, a node.',
  },
  Receipt: object({ id: uuid, duplicate: { type: 'boolean' }, durability: ref('Durability') }),
  Receipts: object({ receipts: list(ref('Receipt')) }),
  ...TOPIC_COMPONENTS,
  ...QUEUE_COMPONENTS,
  ...ENDPOINT_COMPONENTS,
  Operation: operation,
}
