/** An engine that remembers what was sent through it, so that a test can ask. */
import type { Commit, CommitResult, Engine } from '../core/engine.ts'
import type { Message } from '../core/message.ts'

export interface Recorder {
  readonly engine: Engine
  /** Messages sent to this queue, in order; duplicates are left out. */
  readonly sent: (queue: string) => readonly Message[]
  /** Events published to this topic, likewise. */
  readonly published: (topic: string) => readonly Message[]
}

export function recordSends(engine: Engine): Recorder {
  const sent: { readonly queue: string; readonly message: Message }[] = []
  const published: { readonly topic: string; readonly message: Message }[] = []
  const note = (commit: Commit, result: CommitResult | undefined) => {
    if (result?.status !== 'committed' || result.replayed) return
    commit.changes.forEach((change, at) => {
      const receipt = result.results[at]
      if (receipt && 'duplicate' in receipt && receipt.duplicate) return
      if (change.do === 'send') sent.push({ queue: change.queue, message: change.message })
      if (change.do === 'publish') published.push({ topic: change.topic, message: change.message })
    })
  }
  return {
    sent: (queue) => sent.filter((each) => each.queue === queue).map(({ message }) => message),
    published: (topic) => published.filter((each) => each.topic === topic).map(({ message }) => message),
    engine: {
      capabilities: engine.capabilities,
      async commit(commits) {
        const results = await engine.commit(commits)
        commits.forEach((commit, at) => note(commit, results[at]))
        return results
      },
      lease: (request) => engine.lease(request),
      extend: (tokens, leaseMs) => engine.extend(tokens, leaseMs),
      watch: (interest, hint) => engine.watch(interest, hint),
      get: (keys) => engine.get(keys),
      list: (query) => engine.list(query),
      find: (messages) => engine.find(messages),
      browse: (query) => engine.browse(query),
      depth: (queues) => engine.depth(queues),
      read: (query) => engine.read(query),
      close: () => engine.close(),
    },
  }
}
