/**
 * Receiver drills: calls as a forger, a network that repeats and a clock that is off would make them, and what a receiver did about each.
 * They change nothing at the sender's; a receiver that fails one has a fault that will meet it one day.
 */
import { describeError } from '../../core/error.ts'
import type { Pen } from '../sign/pen.ts'
import { probe, sampleCall, type ProbeDeps, type Probed, type Target } from './probe.ts'

export interface DrillStep {
  readonly name: 'genuine' | 'bad-signature' | 'stale-time' | 'duplicate-id' | 'slow-ack'
  /** skipped: the profile signs nothing that could be wrong in this way. */
  readonly result: 'passed' | 'failed' | 'skipped'
  readonly status: number | null
  readonly ms: number | null
  /** What was expected, and what came. */
  readonly detail: string
}

export interface Drill {
  readonly endpoint: string
  readonly at: number
  readonly passed: number
  readonly failed: number
  readonly steps: readonly DrillStep[]
}

const STALE_MS = 3_600_000
/** Of the time limit: who needs more will be late on a busy day. */
const SLOW_SHARE = 0.5

const UNKNOWN = 'as long as no genuine call is taken this tells nothing'

type Name = DrillStep['name']

export async function drillEndpoint(deps: ProbeDeps, target: Target): Promise<Drill> {
  const { endpoint, profile } = target
  const at = deps.clock.wallMs()
  const limitMs = endpoint.timeoutMs ?? profile.timeoutMs
  const call = sampleCall(deps, endpoint.id)
  const signsTime = profile.signing.timestamp !== null
  const genuine = await attempt('genuine', () => probe(deps, target, call), accepted('a genuine call is taken'))
  const steps: DrillStep[] = [
    genuine,
    await attempt(
      'bad-signature',
      () => probe(deps, target, sampleCall(deps, endpoint.id), { forge }),
      refused(genuine, 'a call whose signature is wrong is refused'),
    ),
    signsTime
      ? await attempt(
          'stale-time',
          () => probe(deps, target, sampleCall(deps, endpoint.id), { timestamp: at - STALE_MS }),
          refused(genuine, 'a call that was signed an hour ago is refused'),
        )
      : { name: 'stale-time', result: 'skipped', status: null, ms: null, detail: `${profile.name} signs no time` },
    await attempt(
      'duplicate-id',
      () => probe(deps, target, call),
      accepted('a call that comes again is taken again: what is known need only be acknowledged'),
    ),
    slowness(genuine, limitMs),
  ]
  return {
    endpoint: endpoint.id,
    at,
    passed: steps.filter(({ result }) => result === 'passed').length,
    failed: steps.filter(({ result }) => result === 'failed').length,
    steps,
  }
}

type Judge = (probed: Probed) => Pick<DrillStep, 'result' | 'detail'>

const accepted =
  (expected: string): Judge =>
  ({ fault }) => ({
    result: fault === null ? 'passed' : 'failed',
    detail: fault === null ? expected : `${expected}; but ${fault}`,
  })

const refused =
  ({ result }: DrillStep, expected: string): Judge =>
  ({ fault }) => {
    if (fault === null) return { result: 'failed', detail: `${expected}; but it was taken` }
    // Who takes nothing refuses nothing either.
    if (result !== 'passed') return { result: 'skipped', detail: UNKNOWN }
    return { result: 'passed', detail: expected }
  }

async function attempt(name: Name, call: () => Promise<Probed>, judge: Judge): Promise<DrillStep> {
  try {
    const probed = await call()
    return { name, ...judge(probed), status: probed.answered.status, ms: probed.ms }
  } catch (error) {
    return { name, result: 'failed', status: null, ms: null, detail: describeError(error).message }
  }
}

function slowness({ result, detail: why, ms, status }: DrillStep, limitMs: number): DrillStep {
  const mostMs = limitMs * SLOW_SHARE
  if (ms === null) return { name: 'slow-ack', result: 'failed', status, ms, detail: why }
  if (result !== 'passed' && ms <= mostMs) return { name: 'slow-ack', result: 'skipped', status, ms, detail: UNKNOWN }
  const isQuick = ms <= mostMs
  const detail = `a call is acknowledged within half of its ${limitMs} ms${isQuick ? '' : `; but it took ${ms} ms: acknowledge first, then work`}`
  return { name: 'slow-ack', result: isQuick ? 'passed' : 'failed', status, ms, detail }
}

type Signed = Awaited<ReturnType<Pen['sign']>>

/** The same call, with one letter of its signatures another, wherever they stand. */
function forge(signed: Signed): Signed {
  const change = (texts: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(texts).map(([name, text]) => [name, /sign/i.test(name) ? withOtherLetter(text) : text]),
    )
  const headers = change(signed.headers)
  const query = change(signed.query)
  const isSame = JSON.stringify([headers, query]) === JSON.stringify([signed.headers, signed.query])
  if (!isSame) return { ...signed, headers, query }
  const custom = Object.fromEntries(
    Object.entries(signed.headers).map(([name, text]) => [name, text.length >= 27 ? withOtherLetter(text) : text]),
  )
  const text = Buffer.from(signed.body).toString('latin1')
  // Where the signature is a field of the form, it is changed there.
  const body = /(^|&)sign=/.test(text)
    ? Buffer.from(
        text.replace(/(^|&)sign=(.)/, (_, before: string, letter: string) => `${before}sign=${otherLetter(letter)}`),
        'latin1',
      )
    : null
  return body === null ? { ...signed, headers: custom } : { ...signed, body: new Uint8Array(body) }
}

/** The tenth from the end of each entry: no padding, and no label. */
const withOtherLetter = (text: string): string =>
  text
    .split(/([ ,])/)
    .map((entry) => (entry.length < 24 ? entry : entry.slice(0, -10) + otherLetter(entry.at(-10)!) + entry.slice(-9)))
    .join('')

const otherLetter = (letter: string): string => (letter === 'a' ? 'b' : 'a')
