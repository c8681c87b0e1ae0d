/** Posthorn behind HTTP: `handler(post)` to mount anywhere, `serve(post)` to listen. */
export { handler, type Handler, type HandlerOptions } from './handler.ts'
export { serve, type Server, type ServeOptions } from './serve.ts'
