/** What `post.endpoints` can do: endpoints are made, changed, looked at and called. Types only; `administer.ts` makes them. */
import type { Duration } from '../core/duration.ts'
import type { Page, Version } from '../core/engine.ts'
import type { PublicJwk } from '../webhooks/index.ts'
import type { Redelivered, RedeliverOptions } from './deliver/redeliver.ts'
import type { Attempt } from './endpoint/attempt.ts'
import type { StoredEndpoint, Verified } from './endpoint/endpoint.ts'
import type { EndpointOptions } from './endpoint/option.ts'
import type { Drill } from './probe/drill.ts'
import type { SecretValue } from './secret/secret.ts'

export interface EndpointView extends StoredEndpoint {
  /** active: it is called · failing: several calls in a row did not reach it · disabled: it is not called, and what comes is kept · paused: so is its app, and what comes is kept. */
  readonly status: 'active' | 'failing' | 'disabled' | 'paused'
  /** Masked. */
  readonly headers: Readonly<Record<string, string>>
  /** Events that wait or are on their way. */
  readonly lag: number
  readonly dead: number
  /** Since when the oldest has been ready; null where none is. */
  readonly waitingSince: Date | null
  /** Opaque; for `ifVersion`. */
  readonly version: Version
}

export interface SecretView {
  readonly id: string
  /** Masked. */
  readonly value: string | Readonly<Record<string, string>>
  readonly createdAt: Date
  /** Until when it signs beside the newest; null: it is the newest. */
  readonly expiresAt: Date | null
}

export interface CreateEndpointOptions extends EndpointOptions {
  /** Default: made here. At most 80 letters, digits, '.', '_' or '-'. */
  readonly id?: string | undefined
  /** The app that it belongs to: its id is then in that app's space. */
  readonly app?: string | undefined
}

export interface ChangeEndpointOptions {
  /** Only if it still has this version. */
  readonly ifVersion?: Version | undefined
  /** Also if events still wait of a topic that is given up: they are discarded. */
  readonly force?: boolean | undefined
}

export interface DeliverOptions {
  /** Origins like 'http://127.0.0.1:9000' whose own address is allowed although it is not a public one. */
  readonly allow?: readonly string[] | undefined
  /** Address ranges beyond the public ones, like '10.0.0.0/8'. Where some are given, plain http is allowed as well. */
  readonly allowRanges?: readonly string[] | undefined
  /** DNS name of this sender, for the handshake of CloudEvents WebHook. Default: the machine's name, where that is one. */
  readonly origin?: string | undefined
  /**
   * Where receivers may consent later, for the same handshake: an address that ends in the token, like 'https://api.example.com/v1/webhook-grants/',
   * behind which `endpoints.grant(token)` is called. Default: they consent at once or not at all.
   */
  readonly grantUrl?: string | undefined
  /** How long an endpoint may fail before it is disabled. Default '5d'. */
  readonly disableAfter?: Duration | undefined
}

export interface Delivering extends AsyncDisposable {
  /** From the publish to the acknowledgement: of all deliveries of this process, in ms. */
  readonly delays: { readonly count: number; quantile(q: number): number }
  /** How an endpoint stands in this process; null where it is not called here. */
  pace(
    id: string,
  ): { readonly circuit: 'closed' | 'open' | 'half-open'; readonly limit: number; readonly underWay: number } | null
  /** Asks the receiver whether it may be called: a handshake or a challenge, as its profile has it; `pending` where it may consent later. @throws PosthornError `endpoint-not-found`, `unsupported`, `callback-failed`, `conflict` where it moved meanwhile */
  verify(id: string): Promise<Verified>
  /** Calls the receiver as a bad sender and a bad network would, and tells what it did. @throws PosthornError `endpoint-not-found` */
  drill(id: string): Promise<Drill>
  /** Runs until nothing is ready. What is delayed, or waits for a receiver's sake, is left. */
  drain(options?: { readonly budget?: Duration | undefined }): Promise<{ readonly handled: number }>
  stop(options?: { readonly grace?: Duration | undefined }): Promise<void>
}

export interface EndpointControl {
  /**
   * Begins an endpoint: from then on it gets every event that it asks for. The secret is shown here and never again.
   * @throws PosthornError `invalid-option`, `invalid-name`, `conflict` where there is one of that id
   */
  create(options: CreateEndpointOptions): Promise<{ readonly endpoint: EndpointView; readonly secret: SecretValue }>
  get(id: string): Promise<EndpointView | null>
  /** In order of their ids. */
  list(options?: {
    readonly after?: string | null | undefined
    /** Default 50, at most 500. */
    readonly limit?: number | undefined
  }): Promise<Page<EndpointView>>
  /** What is not given stays; null is the default. @throws PosthornError `endpoint-not-found`, `invalid-option`, `conflict`, `subscription-backlog` */
  change(
    id: string,
    options: Partial<Omit<EndpointOptions, 'secret'>>,
    how?: ChangeEndpointOptions,
  ): Promise<EndpointView>
  /** @throws PosthornError `endpoint-not-found`, `conflict`, `subscription-backlog` */
  remove(id: string, how?: ChangeEndpointOptions): Promise<void>
  /** A new secret signs from now on, and the one before beside it for the overlap (default '24h'), where the profile has room for two. */
  rotateSecret(
    id: string,
    options?: { readonly secret?: SecretValue | undefined; readonly overlap?: Duration | undefined },
  ): Promise<{ readonly secret: SecretValue }>
  /** Masked, the newest first. */
  secrets(id: string): Promise<readonly SecretView[]>
  /** Sends it a sample event. @returns the id that `attempts` shows */
  test(id: string): Promise<{ readonly id: string }>
  /** The newest first, as many as are kept: 50 that succeeded and 100 that did not, for at most 7 days. */
  attempts(id: string, options?: { readonly message?: string | undefined }): Promise<readonly Attempt[]>
  /** Sends again what was not delivered, or a range of what its topics keep. @throws PosthornError `endpoint-not-found`, `message-not-found` */
  redeliver(id: string, options: RedeliverOptions): Promise<Redelivered>
  /**
   * A receiver that was asked whether it may be called consents, by the token at the end of the address that it was given.
   * @param ratePerMinute what it grants; null: as many as it likes; not given: what was asked for
   * @throws PosthornError `endpoint-not-found` where nobody asked so, or too long ago, or of an endpoint that has gone or moved since
   */
  grant(token: string, options?: { readonly ratePerMinute?: number | null | undefined }): Promise<Verified>
  /** The public keys of `v1a` signatures, for `/.well-known/webhooks/jwks.json`. */
  keys(): Promise<{ readonly keys: readonly PublicJwk[] }>
  /** A new key of the platform signs `v1a` from now on, and the one before beside it for the overlap (default '24h'). */
  rotateKey(options?: { readonly overlap?: Duration | undefined }): Promise<{ readonly publicKey: string }>
  /** Calls endpoints from this process. `posthorn serve` and `handler()` do it by themselves. */
  deliver(options?: DeliverOptions): Promise<Delivering>
}
