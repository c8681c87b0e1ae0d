// What exists. The handlers, the server and its OpenAPI document share this file.

import { task } from 'posthorn'
import { z } from 'zod'
import { Digest, ownerOf } from './digest.ts'

const Account = z.looseObject({ login: z.string() })

/** As much of a webhook as the digest needs. The rest passes through. */
export const Webhook = z.looseObject({
  repository: z.looseObject({ full_name: z.string() }).optional(),
  organization: Account.optional(),
  installation: z.looseObject({ account: Account.optional() }).optional(),
  sender: Account.optional(),
})

/** Takes a webhook into its repository's digest: of each repository one at a time and in order. */
export const digest = task('digest', {
  input: Webhook,
  output: z.object({ repository: z.string(), count: z.number(), sha256: z.string() }),
  key: ownerOf,
  retry: { attempts: 3, backoff: { base: '100ms', cap: '1s' } },
  // Only so that the check at the end can hash what was stored: acked messages are not kept otherwise.
  queue: { keep: { acked: true } },
})

/** Counts a webhook by its event. Sent by `digest` as an effect, so exactly once for each webhook that is in a digest. */
export const tally = task('tally', {
  input: z.object({ event: z.string(), delivery: z.string() }),
  retry: { attempts: 8, backoff: { base: '50ms', cap: '1s' } },
})

/** Reads digests and tallies. */
export const digests = task('digests', {
  input: z.object({ repositories: z.array(z.string()).default([]), events: z.array(z.string()).default([]) }),
  output: z.object({ digests: z.record(z.string(), Digest), tallies: z.record(z.string(), z.number()) }),
})
