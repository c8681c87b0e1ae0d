/** `POST /v1/sources/{source}`: where platforms deliver to a source of this process. Their signature is what lets them in, and no key. */
import { PosthornError } from '../../core/error.ts'
import { ref, text } from '../openapi/json-schema.ts'
import type { Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import type { Route } from '../route/route.ts'

export const sourceRoute: Route = {
  method: 'POST',
  path: '/v1/sources/{source}',
  id: 'deliverToSource',
  tag: 'topics',
  summary: 'Deliver an event to a source, as the platform signs it',
  description:
    'For webhook sources that the module of handlers forwards or exports. It needs no key: what is not signed as the source expects is refused. Success is answered when the event is taken: durable in every topic that it is forwarded to. The status and the body of an answer are what the platform expects, and a source of its own may ask questions first.',
  body: { required: true, content: { '*/*': {} } },
  replies: {
    200: {
      description: 'Taken, or the answer to a question of the platform.',
      content: { 'text/plain': text(), 'application/json': {} },
    },
    202: { description: 'Taken.' },
    204: { description: 'Taken.' },
    401: {
      description: 'Not signed as the source expects, or too long ago.',
      content: { 'application/problem+json': ref('Problem') },
    },
  },
  problems: ['source-not-found', 'invalid'],
  open: true,
  writes: true,
  run: deliver,
}

async function deliver({ deps, request, params, body }: Call): Promise<Answer> {
  const name = params['source'] ?? ''
  const mount = deps.mounts.find(name)
  if (mount === null)
    throw new PosthornError('source-not-found', `nothing here takes deliveries for '${name.slice(0, 100)}'`)
  // The bytes as they came: they are what is signed.
  const {
    status,
    headers,
    body: answered,
  } = await mount(
    new Request(request.url, { method: 'POST', headers: request.headers, body: body as Uint8Array<ArrayBuffer> }),
  )
  return {
    status,
    headers: { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', ...Object.fromEntries(headers) },
    body: answered === null ? null : new Uint8Array(await new Response(answered).arrayBuffer()),
  }
}
