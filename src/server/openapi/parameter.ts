/** Parameters that several routes share. */
import type { Parameter } from '../route/route.ts'
import { duration, text, time, whole } from './json-schema.ts'

const header = (name: string, description: string, schema: Parameter['schema'] = text()): Parameter => ({
  name,
  in: 'header',
  description,
  schema,
})

export const IDEMPOTENCY_PARAMETER: Parameter = header(
  'Idempotency-Key',
  'The same request again within 24 hours gets the stored answer. Quoted or bare; best a UUID.',
)

export const DELIVERY_PARAMETERS: readonly Parameter[] = [
  header('Posthorn-Delay', 'Not handed out before so long from now. Extension: delay.', duration),
  header('Posthorn-Not-Before', 'Not handed out before this time. Extension: notbefore.', time),
  header('Posthorn-Priority', '0 to 9, higher first. Extension: priority.', whole(0, 9, 4)),
  header(
    'Posthorn-Key',
    'One at a time and in send order among those that share it. Percent-encoded like values of ce- headers. Extension: partitionkey.',
  ),
  header('Posthorn-Group', 'The tenant. Percent-encoded likewise. Extension: group.'),
  header(
    'Posthorn-Dedupe',
    'A second send with the same text within the window changes nothing. Percent-encoded likewise. Extension: dedupe.',
  ),
  header('Posthorn-Expires', 'Not handed out after so long from now, or after this time. Extension: expirytime.'),
  header(
    'Posthorn-Callback',
    "A URL that is told of the end of the operation, of an origin that this server allows, or 'endpoint:ID'. Only for tasks.",
  ),
]

export const TRACE_PARAMETERS: readonly Parameter[] = [
  header('traceparent', 'W3C trace context, passed on with the message and to its callback.'),
  header('tracestate', 'Goes with traceparent.'),
]

export const PAGE_PARAMETERS: readonly Parameter[] = [
  { name: 'limit', in: 'query', description: 'Items of a page at most.', schema: whole(1, 500, 50) },
  { name: 'after', in: 'query', description: "A page's next.", schema: text() },
]

export const IF_PARAMETERS: readonly Parameter[] = [
  header('If-Match', 'Only if the resource still has this ETag.'),
  header('If-None-Match', "'*': only if there is none yet."),
]
