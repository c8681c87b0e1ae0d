/** Posthorn behind HTTP: `handler(post)` to mount anywhere, `serve(post)` to listen. */
export { handler, type Handler } from './handler.ts'
export type { Limits } from './limit.ts'
export type { HandlerOptions, ServeOptions } from './option.ts'
export { serve, type Server } from './serve.ts'
export type { WebhookGrant } from './topic/handshake.ts'
