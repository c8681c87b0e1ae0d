/** The HTTP API as a function from Request to Response, to mount in any server that speaks them. */
import type { Post } from '../posthorn.ts'
import { createFace } from './face.ts'
import type { HandlerOptions } from './option.ts'
import { toResponse } from './route/answer.ts'

export type Handler = (request: Request) => Promise<Response>

/**
 * The paths are absolute (`/v1/…`): mount it at the root, or strip the prefix before. It never rejects. What it works on besides
 * (redrives, completion callbacks) begins with the first request and ends with the post.
 * @throws PosthornError `invalid-option`
 */
export function handler(post: Post, options: HandlerOptions = {}): Handler {
  const { respond, work } = createFace(post, options)
  let started: Promise<void> | null = null
  return async (request) => {
    // Where it cannot begin, the engine is closed or away: that is what requests are answered, and the next one tries again.
    await (started ??= work.start().catch(() => void (started = null)))
    return toResponse(await respond(request), request.method)
  }
}
