// The handlers, as `posthorn serve app.ts` and `posthorn work app.ts` take them.

import { handle, type Context, type WorkGiven, type WorkParts } from 'posthorn'
import { digest, digests, tally } from './contract.ts'
import { addToDigest, Digest, digestKey, emptyDigest, ownerOf } from './digest.ts'
import { hash } from './payload.ts'

const takeIn = handle(
  digest,
  async (payload, ctx) => {
    const { body, event } = ctx.message
    const sha256 = hash(body)
    if (sha256 !== event['sha256']) return ctx.bury(`the hash of the stored body is ${sha256}, not ${event['sha256']}`)

    const repository = ownerOf(payload)
    const stored = await ctx.get(digestKey(repository))
    const before = stored === undefined ? emptyDigest : Digest.parse(stored.value)
    const name = String(event['githubevent'])
    const after = addToDigest(before, { id: event.id, event: name, bytes: body.byteLength })

    // Both are held until this run is done: if it fails, neither took place; if it is done, both did, once.
    ctx.put(digestKey(repository), after, { ifVersion: stored?.version ?? null })
    ctx.send(tally, { event: name, delivery: event.id })

    failNowAndThen(sha256, ctx)
    return { repository, count: after.count, sha256 }
  },
  { concurrency: 8 },
)

const count = handle(
  tally,
  async ({ event }, ctx) => {
    // No key: several count at once, and `ifVersion` lets one of them win. The others run again by themselves.
    const stored = await ctx.get(`tally/${event}`)
    ctx.put(`tally/${event}`, Number(stored?.value ?? 0) + 1, { ifVersion: stored?.version ?? null })
  },
  { concurrency: 8 },
)

const read = handle(digests, async ({ repositories, events }, ctx) => {
  const entries = await Promise.all(
    repositories.map(async (name) => [name, (await ctx.get(digestKey(name)))?.value] as const),
  )
  const counts = await Promise.all(
    events.map(async (name) => [name, Number((await ctx.get(`tally/${name}`))?.value ?? 0)] as const),
  )
  return {
    digests: Object.fromEntries(
      entries.map(([name, value]) => [name, value === undefined ? emptyDigest : Digest.parse(value)]),
    ),
    tallies: Object.fromEntries(counts),
  }
})

/** About one webhook in twenty fails at its first attempt: always the same ones. */
function failNowAndThen(sha256: string, { attempt }: Context): void {
  if (attempt === 1 && Number.parseInt(sha256.slice(0, 2), 16) < 13)
    throw new Error('the search index did not answer (made up, to be retried)')
}

export default ({ signal }: WorkGiven): WorkParts => {
  endWithParent(signal)
  return { handlers: [takeIn, count, read] }
}

/** The server of this example ends with the program that started it, also where that was killed. */
function endWithParent(signal: AbortSignal): void {
  if (!process.connected) return
  const end = (): void => void (signal.aborted || process.kill(process.pid, 'SIGTERM'))
  process.once('disconnect', end)
  process.channel?.unref()
}
