/**
 * The receiver as a listener of `node:http`, and so as a route of Express and its like. It knows Node's objects by their shape alone: this
 * folder imports nothing.
 */
import { concat } from './bytes.ts'
import { WebhookError } from './error.ts'
import { createIntake, type ReceiverOptions } from './intake.ts'
import { checkLength, tooLarge } from './receive.ts'

/** What is used of `http.IncomingMessage`. */
export interface NodeRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly readableEnded: boolean
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  off(event: 'end' | 'close', listener: () => void): unknown
  resume(): unknown
}

/** What is used of `http.ServerResponse`. */
export interface NodeResponse {
  writeHead(status: number, headers: Record<string, string>): unknown
  end(body?: string): unknown
}

export type NodeListener = (request: NodeRequest, response: NodeResponse) => Promise<void>

/** As `createReceiver`. Mount it before any body parser. @throws WebhookError `invalid-secret`, `invalid-option` */
export function createNodeListener<Secret>(options: ReceiverOptions<Secret>): NodeListener {
  const intake = createIntake(options)
  return async (request, response) => {
    const { status, headers, body } = await intake({
      method: request.method ?? '',
      url: request.url ?? '/',
      headers: request.headers,
      body: (maxBytes, signal) => readBody(request, maxBytes, signal),
    })
    // What was not read would be taken for the next request.
    const close: Record<string, string> = request.readableEnded ? {} : { connection: 'close' }
    response.writeHead(status, { ...headers, ...close })
    response.end(body)
    request.resume()
  }
}

async function readBody(request: NodeRequest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const { body } = request as { readonly body?: unknown }
  if (body instanceof Uint8Array) return sized(body, maxBytes)
  if (request.readableEnded || body !== undefined)
    throw new WebhookError(
      'body-consumed',
      'the body was read already; mount the receiver before any body parser, or use one that leaves raw bytes',
    )
  const length = request.headers['content-length']
  checkLength(typeof length === 'string' ? length : null, maxBytes)
  return collect(request, maxBytes, signal)
}

function collect(request: NodeRequest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let size = 0
    const onData = (chunk: Uint8Array): void => {
      size += chunk.byteLength
      if (size > maxBytes) finish(() => reject(tooLarge(maxBytes)))
      else chunks.push(chunk)
    }
    const onEnd = (): void => finish(() => resolve(concat(...chunks)))
    const onLoss = (): void => finish(() => reject(new WebhookError('invalid-part', 'the request broke off')))
    const finish = (settle: () => void): void => {
      request.off('data', onData)
      request.off('end', onEnd)
      request.off('close', onLoss)
      signal.removeEventListener('abort', onLoss)
      settle()
    }
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('error', onLoss)
    request.on('close', onLoss)
    signal.addEventListener('abort', onLoss, { once: true })
  })
}

function sized(body: Uint8Array, maxBytes: number): Uint8Array {
  if (body.byteLength > maxBytes) throw tooLarge(maxBytes)
  return body
}
