/** The OpenAPI 3.1 document: the routes' table, and a path for each task and queue that has a contract here. */
import { ERRORS, type ErrorCode } from '../../core/error.ts'
import type { Definition, TopicDefinition } from '../../task/index.ts'
import type { Parameter, Reply, Route } from '../route/route.ts'
import { COMPONENTS } from './component.ts'
import { toJsonSchema } from './contract.ts'
import { list, object, ref, type JsonSchema } from './json-schema.ts'

export interface DocumentOptions {
  readonly routes: readonly Route[]
  readonly contracts: readonly Definition[]
  readonly topics: readonly TopicDefinition[]
  /** Whether a key is needed. */
  readonly secured: boolean
}

const EVERY_ROUTE: readonly ErrorCode[] = ['internal', 'closed', 'unknown', 'engine-failed', 'disk-full']
const WITHOUT_KEY: readonly ErrorCode[] = ['too-many-requests']
const WITH_ACCESS: readonly ErrorCode[] = [
  'unauthorized',
  'app-paused',
  'forbidden-scope',
  'quota-exceeded',
  'forbidden-host',
  'forbidden-origin',
]
const WITH_BODY: readonly ErrorCode[] = ['request-timeout', 'payload-too-large', 'unsupported-media-type']
const WITH_KEY: readonly ErrorCode[] = ['idempotency-in-flight', 'idempotency-mismatch', 'invalid', 'full']

const TAGS = [
  { name: 'tasks', description: 'Work with an outcome: start it, and get an operation.' },
  { name: 'operations', description: 'The life of one call of a task.' },
  { name: 'messages', description: 'Send, lease, settle, look.' },
  {
    name: 'endpoints',
    description: 'Where events go over HTTP: signed callbacks, tried again, each attempt on record.',
  },
  { name: 'topics', description: 'Publish events; subscribe to them, by type and by filter.' },
  { name: 'queues', description: 'Settings, depths, and work on many messages.' },
  { name: 'apps', description: 'Third parties of the platform: what they may, their keys and quotas.' },
  { name: 'server', description: 'The process itself.' },
]

const LARGEST_BATCH = 1_000

const ENDED = object(
  {
    specversion: { const: '1.0' },
    id: { type: 'string' },
    source: { type: 'string' },
    type: { const: 'posthorn.operation.ended' },
    subject: { type: 'string' },
    time: { type: 'string', format: 'date-time' },
    data: ref('Operation'),
  },
  {
    description:
      'The id is the same in every attempt. Any 2xx answer means that it was taken; anything else is tried again.',
  },
)

export function createDocument({ routes, contracts, topics, secured }: DocumentOptions): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(route)
  for (const definition of contracts) addContract(paths, routes, definition)
  for (const topic of topics) addTopic(paths, routes, topic)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Posthorn',
      version: '1',
      description:
        'Durable tasks, queues and topics over HTTP. Errors are problems (RFC 9457) with a code; clients ignore fields and statuses that they do not know.',
    },
    tags: TAGS,
    paths,
    webhooks: { operationEnded: { post: callbackOperation(ref('Operation')) } },
    components: {
      schemas: {
        ...COMPONENTS,
        OperationEnded: ENDED,
        ...Object.fromEntries(topics.map((topic) => [componentOf(topic), eventsOf(topic)])),
      },
      ...(secured
        ? {
            securitySchemes: {
              key: { type: 'http', scheme: 'bearer', description: "The platform's key, or an app's." },
            },
          }
        : {}),
    },
    ...(secured ? { security: [{ key: [] }] } : {}),
  }
}

function operationOf(route: Route): Record<string, unknown> {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    parameters: [...names.map(pathParameter), ...(route.parameters ?? []).map(showParameter)],
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: route.body.required, content: contentOf(route.body.content) } }),
    responses: responsesOf(route),
    ...(route.open === true ? { security: [] } : {}),
  }
}

function addContract(
  paths: Record<string, Record<string, unknown>>,
  routes: readonly Route[],
  definition: Definition,
): void {
  const { kind, name, queue, input, output, errors } = definition
  const path = kind === 'task' ? `/v1/tasks/${name}` : `/v1/queues/${queue}/messages`
  const route = routes.find(({ id }) => id === (kind === 'task' ? 'startTask' : 'sendMessages'))!
  const { parameters, responses, ...general } = operationOf(route) as {
    readonly parameters: readonly { readonly in: string }[]
    readonly responses: Record<string, unknown>
  }
  const urn = `urn:posthorn:${kind}:${name}`
  const inputSchema = toJsonSchema(input, `${urn}:input`)
  const errorSchemas = Object.entries(errors).map(([code, schema]) =>
    object({ code: { const: code }, data: toJsonSchema(schema, `${urn}:error:${code}`) ?? {} }),
  )
  const operation = narrowOperation(name, toJsonSchema(output, `${urn}:output`), errorSchemas)
  paths[path] = {
    post: {
      ...general,
      operationId: `${kind}.${name}`,
      summary: kind === 'task' ? `Start the task '${name}'` : `Send to the queue '${name}'`,
      parameters: parameters.filter((parameter) => parameter.in !== 'path'),
      ...(inputSchema === null
        ? { requestBody: undefined }
        : { requestBody: { required: true, content: { 'application/json': { schema: inputSchema } } } }),
      responses:
        kind === 'task'
          ? { ...responses, 200: withSchema(responses['200'], operation), 202: withSchema(responses['202'], operation) }
          : responses,
      ...(kind === 'task'
        ? { callbacks: { ended: { '{$request.header.Posthorn-Callback}': { post: callbackOperation(operation) } } } }
        : {}),
    },
  }
}

/** The events of a topic: each a CloudEvent with its type and data. */
function eventsOf({ name, events }: TopicDefinition): JsonSchema {
  const schemas = [...events].map(([type, { input }]): JsonSchema => {
    const data = toJsonSchema(input, `urn:posthorn:topic:${name}:${type}`)
    return { allOf: [ref('Event'), { type: 'object', properties: { type: { const: type }, data } }] }
  })
  return schemas.length === 1 ? schemas[0]! : { anyOf: schemas }
}

const componentOf = (topic: TopicDefinition): string => `EventOf.${topic.name}`

function addTopic(
  paths: Record<string, Record<string, unknown>>,
  routes: readonly Route[],
  topic: TopicDefinition,
): void {
  const { parameters, ...general } = operationOf(routes.find(({ id }) => id === 'publishEvents')!) as {
    readonly parameters: readonly { readonly in: string }[]
  }
  const event = ref(componentOf(topic))
  paths[`/v1/topics/${topic.name}/events`] = {
    post: {
      ...general,
      operationId: `topic.${topic.name}`,
      summary: `Publish to the topic '${topic.name}'`,
      parameters: parameters.filter((parameter) => parameter.in !== 'path'),
      requestBody: {
        required: true,
        content: {
          'application/cloudevents+json': { schema: event },
          'application/cloudevents-batch+json': { schema: list(event, LARGEST_BATCH) },
          'application/json': { schema: { description: 'The data alone, with its type in the query.' } },
        },
      },
    },
  }
}

/** An operation of one task: with its output, and its own errors. */
function narrowOperation(task: string, output: JsonSchema | null, errors: readonly JsonSchema[]): JsonSchema {
  const own = errors.length === 0 ? {} : { error: { anyOf: [ref('Problem'), ...errors] } }
  return {
    allOf: [
      ref('Operation'),
      { type: 'object', properties: { task: { const: task }, ...(output === null ? {} : { output }), ...own } },
    ],
  }
}

function callbackOperation(operation: JsonSchema): Record<string, unknown> {
  return {
    summary: 'The operation has ended',
    requestBody: {
      required: true,
      content: {
        'application/cloudevents+json': {
          schema: { allOf: [ref('OperationEnded'), { type: 'object', properties: { data: operation } }] },
        },
      },
    },
    responses: {
      '2XX': { description: 'Taken.' },
      '410': { description: 'Nobody is there any more: not tried again.' },
    },
  }
}

function responsesOf(route: Route): Record<string, unknown> {
  const responses: Record<string, unknown> = {}
  for (const [status, reply] of Object.entries(route.replies)) responses[status] = showReply(reply)
  const codes = new Set([
    ...(route.problems ?? []),
    ...EVERY_ROUTE,
    ...(route.open === true ? (route.isHealth === true ? [] : WITHOUT_KEY) : WITH_ACCESS),
    ...(route.method === 'GET' || route.method === 'DELETE' ? [] : WITH_BODY),
    ...(route.idempotent === true ? WITH_KEY : []),
    ...(route.writes === true ? (['draining'] as const) : []),
  ])
  for (const [status, group] of Map.groupBy(codes, (code) => ERRORS[code].status)) {
    responses[status] = {
      description: group.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('\n\n'),
      content: { 'application/problem+json': { schema: ref('Problem') } },
    }
  }
  return responses
}

function showReply({ description, content, headers }: Reply): Record<string, unknown> {
  return {
    description,
    ...(headers === undefined
      ? {}
      : {
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: 'string' } }]),
          ),
        }),
    ...(content === undefined ? {} : { content: contentOf(content) }),
  }
}

function withSchema(response: unknown, schema: JsonSchema): unknown {
  return { ...(response as object), content: { 'application/json': { schema } } }
}

function contentOf(content: Readonly<Record<string, JsonSchema>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema }]))
}

function showParameter({ name, in: place, description, schema }: Parameter): Record<string, unknown> {
  return { name, in: place, description, schema }
}

const PATH_HELP: Readonly<Record<string, string>> = {
  queue: "Like 'inbox', 'task:resize' or 'topic:orders:billing'.",
  topic: 'The name of the topic.',
  name: 'The name of the subscription.',
  task: 'The name of the task.',
  id: "Posthorn's id.",
  app: 'The name of the app.',
  key: 'The id of the key; not the key itself.',
}

function pathParameter(name: string): Record<string, unknown> {
  return { name, in: 'path', required: true, description: PATH_HELP[name] ?? name, schema: { type: 'string' } }
}
