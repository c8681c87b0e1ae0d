/** Writes a stream to a client as fast as that takes it: what is not taken is not asked for. */
import type { ServerResponse } from 'node:http'

export async function writeStream(
  outgoing: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: ReadableStream<Uint8Array>,
): Promise<void> {
  const reader = body.getReader()
  const gone = Promise.withResolvers<void>()
  outgoing.once('close', () => {
    gone.resolve()
    // Where it ended by itself there is nothing to cancel.
    void reader.cancel().catch(() => {})
  })
  if (outgoing.destroyed) return void reader.cancel().catch(() => {})
  // A stream may last as long as its client: the next request needs a connection of its own.
  outgoing.writeHead(status, { ...headers, connection: 'close' })
  outgoing.flushHeaders()
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      if (outgoing.destroyed) return
      if (outgoing.write(piece.value)) continue
      const drained = Promise.withResolvers<void>()
      outgoing.once('drain', () => drained.resolve())
      await Promise.race([drained.promise, gone.promise])
    }
    outgoing.end()
  } catch {
    // The client takes a stream that breaks off for what it is, and comes back.
    outgoing.destroy()
  }
}
