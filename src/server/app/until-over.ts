/** A stream that says when it is over: at its end, when its reader goes, or when it breaks. */
export function untilOver(body: ReadableStream<Uint8Array>, over: Disposable): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          over[Symbol.dispose]()
          controller.close()
        } catch (error) {
          over[Symbol.dispose]()
          throw error
        }
      },
      async cancel(reason) {
        over[Symbol.dispose]()
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
