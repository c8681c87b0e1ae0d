/**
 * Memory for columns, which are there as long as what they describe. V8 takes what array buffers grow by for a sign of garbage: it would mark the whole
 * heap for each seven megabytes of messages, find nothing, and stop the thread for it. It does not count what threads may share.
 */
export function lastingMemory(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes)
}
