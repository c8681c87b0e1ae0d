/** Reads a request's body: bounded in size and in time, and told apart by what its Content-Type says. */
import type { Clock } from '../../core/clock.ts'
import { essenceOf, isJsonType } from '../../core/cloud-event/media-type.ts'
import { PosthornError } from '../../core/error.ts'

export interface BodyLimits {
  readonly bodyBytes: number
  readonly bodyMs: number
}

const NOTHING = new Uint8Array(0)
const DEEPEST = 512
const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]
const decoder = new TextDecoder('utf-8', { fatal: true })

/** @throws PosthornError `payload-too-large`, `request-timeout`, `unsupported-media-type`, `aborted` */
export async function readBody(request: Request, limits: BodyLimits, clock: Clock): Promise<Uint8Array> {
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity')
    throw new PosthornError(
      'unsupported-media-type',
      `Content-Encoding is ${JSON.stringify(encoding)}: send the body as it is`,
    )
  const length = request.headers.get('content-length')
  if (length === '0') return NOTHING
  if (length !== null && Number(length) > limits.bodyBytes) throw tooLarge(limits)
  const late = Promise.withResolvers<never>()
  using _timer = clock.timer(limits.bodyMs, () =>
    late.reject(new PosthornError('request-timeout', `the body took longer than ${limits.bodyMs} ms to arrive`)),
  )
  try {
    const body = await Promise.race([length === null ? readStream(request, limits) : readWhole(request), late.promise])
    if (body.byteLength > limits.bodyBytes) throw tooLarge(limits)
    return body
  } catch (error) {
    if (error instanceof PosthornError) throw error
    throw new PosthornError('aborted', 'the body did not arrive to its end', { cause: error })
  }
}

/**
 * The body as JSON. A missing body is the empty object, so that calls whose fields are all optional need none.
 * @throws PosthornError `unsupported-media-type`, `invalid-json`
 */
export function parseJsonBody(
  body: Uint8Array,
  contentType: string | null,
  alsoTypes: readonly string[] = [],
): unknown {
  if (body.byteLength === 0) return {}
  if (contentType !== null && !isJsonType(contentType) && !alsoTypes.includes(essenceOf(contentType)))
    throw new PosthornError(
      'unsupported-media-type',
      `Content-Type is ${JSON.stringify(contentType)}: it must be application/json`,
    )
  return parseJson(body)
}

/** @throws PosthornError `invalid-json` */
export function parseJson(body: Uint8Array): unknown {
  checkDepth(body)
  try {
    return JSON.parse(decoder.decode(body)) as unknown
  } catch (error) {
    throw new PosthornError('invalid-json', `the body is not JSON in UTF-8: ${(error as Error).message}`)
  }
}

/** What nests without end breaks whoever walks it by recursion, schemas and JSON.stringify included. */
function checkDepth(body: Uint8Array): void {
  if (body.byteLength <= DEEPEST) return
  let depth = 0
  let inString = false
  for (let at = 0; at < body.byteLength; at++) {
    const byte = body[at]
    if (inString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > DEEPEST)
        throw new PosthornError('invalid-json', `the body nests deeper than ${DEEPEST} levels`, {
          details: { limit: DEEPEST },
        })
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--
  }
}

/** The length was announced and is within the limit; whoever made the Request sees to it that it holds. */
async function readWhole(request: Request): Promise<Uint8Array> {
  return new Uint8Array(await request.arrayBuffer())
}

async function readStream(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  if (request.body === null) return NOTHING
  // Not by iteration: that cancels the stream at a throw, and with it the socket that the answer is to go out on.
  const reader = (request.body as ReadableStream<Uint8Array>).getReader()
  const chunks: Uint8Array[] = []
  for (let size = 0; ;) {
    const { done, value } = await reader.read()
    if (done) return new Uint8Array(Buffer.concat(chunks))
    size += value.byteLength
    if (size > limits.bodyBytes) throw tooLarge(limits)
    chunks.push(value)
  }
}

function tooLarge({ bodyBytes }: BodyLimits): PosthornError {
  return new PosthornError('payload-too-large', `the body is larger than ${bodyBytes} bytes`, {
    details: { limit: bodyBytes },
  })
}
