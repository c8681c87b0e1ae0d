/** The receiver for everything that speaks the Fetch API: Deno, Bun, workers, Hono, Next.js, and Node behind an adapter. */
import { concat, toBytes } from './bytes.ts'
import { WebhookError } from './error.ts'
import { createIntake, type ReceiverOptions } from './intake.ts'

export type Receiver = (request: Request) => Promise<Response>

/**
 * One for each sender: ids are unique within one sender only.
 * @throws WebhookError `invalid-secret`, `invalid-option`
 */
export function createReceiver<Secret>(options: ReceiverOptions<Secret>): Receiver {
  const intake = createIntake(options)
  return async (request) => {
    const {
      status,
      headers = {},
      body,
    } = await intake({
      method: request.method,
      url: request.url,
      headers: request.headers,
      body: (maxBytes, signal) => readBody(request, maxBytes, signal),
    })
    return new Response(body === undefined ? null : toBytes(body), { status, headers })
  }
}

const receivers = new WeakMap<object, Receiver>()

/** The same in one call. Give it the same `options` object each time, so that secrets are read once and doubles are recognised. */
export async function receive<Secret>(request: Request, options: ReceiverOptions<Secret>): Promise<Response> {
  const receiver = receivers.get(options) ?? createReceiver(options)
  receivers.set(options, receiver)
  return receiver(request)
}

async function readBody(request: Request, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  if (request.bodyUsed)
    throw new WebhookError(
      'body-consumed',
      'the body was read already; hand the request over before anything parses it',
    )
  checkLength(request.headers.get('content-length'), maxBytes)
  const reader = request.body?.getReader()
  if (!reader) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  const stop = (): void => void reader.cancel().catch(() => undefined)
  signal.addEventListener('abort', stop, { once: true })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return concat(...chunks)
      size += value.byteLength
      if (size > maxBytes) {
        stop()
        throw tooLarge(maxBytes)
      }
      chunks.push(value)
    }
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** @throws WebhookError `body-too-large` before a byte of it is read, where it says how long it is */
export function checkLength(length: string | null | undefined, maxBytes: number): void {
  if (length != null && Number(length) > maxBytes) throw tooLarge(maxBytes)
}

export function tooLarge(maxBytes: number): WebhookError {
  return new WebhookError('body-too-large', `the body has more than ${maxBytes} bytes`, { maxBytes })
}
