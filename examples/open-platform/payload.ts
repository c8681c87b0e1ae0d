// The input: every webhook payload in @octokit/webhooks-examples, as GitHub really sent them, each serialised once.
// One more is poison: valid JSON, but its repository's name is none that the handler can store a digest under.

import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

export interface Delivery {
  /** The same for the same payload of the same run, so that a replay that starts again is recognised. */
  readonly id: string
  readonly event: string
  readonly body: Buffer
  readonly sha256: string
}

interface Definition {
  readonly name: string
  readonly examples: readonly object[]
}

const editions = ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35']

const poison = { action: 'created', repository: { full_name: 'octo-org/poison pill' }, sender: { login: 'octocat' } }

/** @param run parts the deliveries of one replay from those of the next on the same data */
export function loadDeliveries(run: number | string): Delivery[] {
  const payloads = editions.flatMap(readEdition)
  payloads.splice(Math.floor(payloads.length / 2), 0, { event: 'star', payload: poison })
  return payloads.map(({ event, payload }, index) => {
    const body = Buffer.from(JSON.stringify(payload))
    return { id: deliveryId(run, index), event, body, sha256: hash(body) }
  })
}

export const hash = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

function readEdition(edition: string): { readonly event: string; readonly payload: object }[] {
  const definitions = createRequire(import.meta.url)(`@octokit/webhooks-examples/${edition}/index.json`) as Definition[]
  return definitions.flatMap(({ name, examples }) => examples.map((payload) => ({ event: name, payload })))
}

/** Like GitHub's X-GitHub-Delivery: a UUID, here made from the run and the place in it. */
function deliveryId(run: number | string, index: number): string {
  const digits = hash(`${run}/${index}`)
  const parts = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `5${digits.slice(13, 16)}`,
    `8${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ]
  return parts.join('-')
}
