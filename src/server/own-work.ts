/**
 * Work of Posthorn's own that goes on beside requests: redrives and purges, callbacks to endpoints and to addresses that callers named. It
 * ends with the server, with the post at the latest, and alone it keeps no process alive.
 */
import {
  bindCallbacks,
  originOf,
  platformSigner,
  runDelivering,
  type Allowance,
  type Delivering,
} from '../callback/index.ts'
import { CALLBACK_QUEUE } from '../operation/index.ts'
import { internalsOf, type Post } from '../posthorn.ts'
import { bindHandlers, InsideMark } from '../task/index.ts'
import { GRANT_PATH } from './endpoint/grant.ts'
import { endpointHandlers } from './endpoint/act-task.ts'
import { parsePublicUrl, type HandlerOptions } from './option.ts'
import { sweepHandlers } from './sweep/sweep-task.ts'

export class OwnWork {
  readonly #post: Post
  readonly #allowance: Allowance
  readonly #options: Pick<HandlerOptions, 'publicUrl' | 'webhookOrigin' | 'disableEndpointsAfter'>
  #running: Promise<Delivering> | null = null

  constructor(
    post: Post,
    allowance: Allowance,
    options: Pick<HandlerOptions, 'publicUrl' | 'webhookOrigin' | 'disableEndpointsAfter'> = {},
  ) {
    this.#post = post
    this.#allowance = allowance
    this.#options = options
  }

  /** What could not begin may begin at the next call. */
  async start(): Promise<void> {
    this.#running ??= this.#start().catch((error: unknown) => {
      this.#running = null
      throw error
    })
    await this.#running
  }

  async stop(graceMs: number): Promise<void> {
    const running = await this.#running
    await running?.stop({ grace: graceMs })
  }

  async #start(): Promise<Delivering> {
    const internals = internalsOf(this.#post)
    const own = await bindHandlers({ ...internals, inside: new InsideMark(() => {}) }, [
      ...sweepHandlers(this.#post),
      ...endpointHandlers(this.#post, () => this.#running!),
    ])
    const sign = platformSigner(internals)
    const { publicUrl, disableEndpointsAfter: disableAfter } = this.#options
    const at = publicUrl === undefined ? undefined : parsePublicUrl(publicUrl)
    return runDelivering(internals, {
      allowance: this.#allowance,
      origin: this.#options.webhookOrigin ?? (at === undefined ? undefined : originOf(at.host)),
      grantUrl: at === undefined ? undefined : new URL(GRANT_PATH.slice(1), at).href,
      disableAfter,
      keepAlive: false,
      bindings: ({ agent, holds }) => {
        const { clock, random } = internals
        const callbacks = { clock, random, agent, allowance: this.#allowance, sign, holds }
        // Who allows no origin leaves callbacks that are on their way to a server that does.
        return this.#allowance.isEmpty ? own : [...own, bindCallbacks(CALLBACK_QUEUE, callbacks)]
      },
    })
  }
}
