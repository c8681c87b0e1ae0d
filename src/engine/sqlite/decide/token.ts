/** Tokens: the opening that handed the message out, the message, and the opening's count of hand-outs. Together they are never used again. */
import type { Token } from '../../../core/engine.ts'
import type { Desk } from '../desk.ts'
import { BUNDLE_SIZE } from '../state/bundle.ts'
import { LEASED, type Standing } from '../state/message.ts'
import type { Queue } from '../state/queue.ts'

export function toToken(owner: number, seq: number, handout: number): Token {
  return `${owner.toString(36)}.${seq.toString(36)}.${handout.toString(36)}`
}

/**
 * The message that the token holds; undefined where it holds none: stale, or no token at all. `goes`: nothing will happen to it but that it goes, so
 * that it may stay in its bundle.
 */
export function heldBy(desk: Desk, token: Token, goes: (queue: Queue) => boolean = () => false): Standing | undefined {
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first < 1 || second < 0) return undefined
  const seq = Number.parseInt(token.slice(first + 1, second), 36)
  if (!Number.isSafeInteger(seq)) return undefined
  const message = (desk.bundles.knows(seq) ? bundledOne(desk, seq, goes) : undefined) ?? desk.message(seq)
  if (message === undefined || message.state !== LEASED) return undefined
  // Lapses are swept in bounded steps, so one may be left.
  if (message.due! <= desk.now) return undefined
  return toToken(message.owner, seq, message.handout) === token ? message : undefined
}

function bundledOne(desk: Desk, seq: number, goes: (queue: Queue) => boolean): Standing | undefined {
  const bundle = desk.bundles.of(seq)
  if (bundle === undefined || !goes(desk.queues.get(bundle.queue)!)) return undefined
  const at = seq % BUNDLE_SIZE
  const run = bundle.runOf(at)
  if (run === undefined) return undefined
  return {
    seq,
    queue: bundle.queue,
    id: '',
    state: LEASED,
    place: bundle.place,
    line: null,
    head: false,
    bytes: desk.bundles.load(bundle).content.bodySizeOf(at),
    sentAt: bundle.place,
    due: run.until,
    expires: null,
    wallExpires: null,
    owner: run.owner,
    handout: run.handout + at - run.from,
    acquired: 1,
    failed: 0,
    released: 0,
    cancel: false,
    history: 0,
    report: null,
    reason: null,
    isLarge: false,
    shared: desk.bundles.load(bundle).content.sharedOf(at),
    isBundled: true,
  }
}
