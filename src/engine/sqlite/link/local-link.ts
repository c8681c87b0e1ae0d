/** The host in this thread: for tests, and for programs that may wait for their disk. */
import { Host, type HostOptions } from '../host.ts'
import { ownBuffers, type Buffers } from '../wire/packer.ts'
import type { Post } from '../wire/request.ts'
import type { Link, LinkListener } from './link.ts'

export class LocalLink implements Link {
  readonly buffers: Buffers = ownBuffers
  readonly #host: Host

  /** @throws PosthornError */
  constructor(options: Omit<HostOptions, 'buffers'>, listener: LinkListener) {
    this.#host = new Host({ ...options, buffers: ownBuffers }, (reply) => listener.replied(reply))
  }

  post(post: Post): void {
    this.#host.receive(post)
  }

  keepAlive(): void {}

  end(): Promise<void> {
    this.#host.close()
    return Promise.resolve()
  }
}
