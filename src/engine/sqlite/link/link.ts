/** How the engine's face reaches the host that owns the database: in a thread of its own, or in this one. */
import type { Buffers } from '../wire/packer.ts'
import type { Fault, Post, Reply } from '../wire/request.ts'

export interface Link {
  /** Where the bytes of posts come from. */
  readonly buffers: Buffers
  post(post: Post): void
  /** While calls are under way the process stays alive. */
  keepAlive(isBusy: boolean): void
  /** Resolves when the host has let go of the database. */
  end(): Promise<void>
}

export interface LinkListener {
  /** The reply's bytes are to be read before it returns. */
  replied(reply: Reply): void
  /** The host is gone, and answers nobody any more. */
  failed(fault: Fault): void
}
