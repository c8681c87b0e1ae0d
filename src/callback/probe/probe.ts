/** Calls of an endpoint that are no deliveries: an ask for consent, a drill. They go through the guard as all others. */
import type { Clock } from '../../core/clock.ts'
import type { Ids } from '../../core/id.ts'
import { toJsonBytes } from '../../core/json.ts'
import type { EventAttributes } from '../../core/message.ts'
import { exchange, USER_AGENT, type Answered, type ExchangeDeps } from '../call/exchange.ts'
import type { StoredEndpoint } from '../endpoint/endpoint.ts'
import { faultOfAck } from '../profile/ack.ts'
import type { CallbackProfile } from '../profile/profile.ts'
import type { Pen } from '../sign/pen.ts'
import { isSealedSuccess } from '../sign/sealed-answer.ts'

export interface ProbeDeps extends ExchangeDeps {
  readonly ids: Ids
  readonly source: string
  /** DNS name of this sender. */
  readonly origin: string
  readonly checkUrl: (url: string) => void
  /** Where a receiver may consent later; null: nowhere. */
  readonly grantUrl: ((endpoint: StoredEndpoint, ratePerMinute: number | null) => Promise<string>) | null
}

/** What is needed to call one endpoint. */
export interface Target {
  readonly endpoint: StoredEndpoint
  readonly profile: CallbackProfile
  readonly pen: Pen
}

export interface ProbeCall {
  readonly id: string
  readonly event: EventAttributes
  readonly body: Uint8Array
}

export interface Probed {
  readonly answered: Answered
  readonly ms: number
  /** Why it is no acknowledgement; null where it is one. */
  readonly fault: string | null
}

export const TEST_TYPE = 'posthorn.endpoint.test'
const READ_BYTES = 65_536

/** A sample event. */
export function sampleCall(
  { ids, clock, source }: Pick<ProbeDeps, 'ids' | 'source'> & { readonly clock: Clock },
  endpoint: string,
): ProbeCall {
  const id = ids.uuid()
  return {
    id,
    event: {
      id,
      source,
      type: TEST_TYPE,
      subject: endpoint,
      time: new Date(clock.wallMs()).toISOString(),
      datacontenttype: 'application/json',
    },
    body: toJsonBytes({ endpoint, message: 'This is a test event: nothing has happened.' }),
  }
}

/** @param change of what is signed and sent, for calls that are wrong on purpose @throws PosthornError `callback-failed`, `address-forbidden`, `callback-not-allowed` */
export async function probe(
  deps: ProbeDeps,
  { endpoint, profile, pen }: Target,
  { id, event, body }: ProbeCall,
  change: {
    readonly timestamp?: number | undefined
    readonly forge?: ((signed: Awaited<ReturnType<Pen['sign']>>) => Awaited<ReturnType<Pen['sign']>>) | undefined
    /** Of a body of the probe's own. */
    readonly bytes?: string | undefined
  } = {},
): Promise<Probed> {
  deps.checkUrl(endpoint.url)
  const made = profile.body({ id, event, body, payload: 'full', sentAt: deps.clock.wallMs() })
  const plain = await pen.sign({
    id,
    type: event.type,
    body: change.bytes ?? made.bytes,
    ...(change.timestamp === undefined ? {} : { timestamp: change.timestamp }),
  })
  const signed = change.forge?.(plain) ?? plain
  const url = new URL(endpoint.url)
  for (const [name, value] of Object.entries(signed.query)) url.searchParams.set(name, value)
  const startedMs = deps.clock.monotonicMs()
  const answered = await exchange(
    {
      url: url.href,
      headers: {
        'content-type': pen.sealsBody || change.bytes !== undefined ? 'application/json' : made.contentType,
        'user-agent': USER_AGENT,
        'accept': '*/*',
        ...(change.bytes === undefined ? made.headers : undefined),
        ...pen.headers,
        ...(profile.verification === 'handshake' ? { 'webhook-request-origin': deps.origin } : {}),
        ...signed.headers,
      },
      body: signed.body,
      totalMs: endpoint.timeoutMs ?? profile.timeoutMs,
      readBytes: READ_BYTES,
    },
    deps,
  )
  const ms = Math.round(deps.clock.monotonicMs() - startedMs)
  if (profile.ack !== 'sealed') return { answered, ms, fault: faultOfAck(profile.ack, answered) }
  const fault = faultOfAck({ status: 'success' }, answered)
  const isSealed = fault === null && (await isSealedSuccess(profile, pen.newest, answered.body))
  return { answered, ms, fault: fault ?? (isSealed ? null : 'its answer is no sealed success') }
}
