// What has to be true at the end, worked out from what the replayer knows it sent: over HTTP, as any client could.

import { browse, callTask, getBody, getDepth } from './api.ts'
import { addToDigest, emptyDigest, isSameDigest, type Digest } from './digest.ts'
import { hash } from './payload.ts'
import type { Received, Sent } from './run-folder.ts'

export interface Check {
  readonly claim: string
  readonly found: string
  readonly holds: boolean
}

interface Read {
  readonly digests: Readonly<Record<string, Digest>>
  readonly tallies: Readonly<Record<string, number>>
}

export async function checkAll(
  server: string,
  run: number,
  sent: readonly Sent[],
  received: readonly Received[],
): Promise<Check[]> {
  const dead = new Set<string>()
  for await (const { id } of browse(server, 'task:digest', 'dead')) dead.add(id)
  const done = sent.filter(({ operation }) => !dead.has(operation))
  const read = await callTask<Read>(server, 'digests', {
    repositories: [...new Set(done.map(({ owner }) => owner))],
    events: [...new Set(done.map(({ event }) => event))],
  })
  return [
    await checkSum(server, sent),
    await checkHashes(
      server,
      sent.filter((one) => one.run === run),
    ),
    checkDigests(done, read),
    checkTallies(done, read),
    checkCallbacks(sent, received),
  ]
}

async function checkSum(server: string, sent: readonly Sent[]): Promise<Check> {
  const { ended, dead } = await getDepth(server, 'task:digest')
  return {
    claim: 'sent = done + dead',
    found: `${sent.length} = ${ended.acked} + ${dead}`,
    holds: sent.length === ended.acked + dead,
  }
}

async function checkHashes(server: string, sent: readonly Sent[]): Promise<Check> {
  let equal = 0
  const rest = sent.values()
  const read = async (): Promise<void> => {
    for (const { operation, sha256 } of rest)
      if (hash(await getBody(server, 'task:digest', operation)) === sha256) equal++
  }
  await Promise.all(Array.from({ length: 8 }, read))
  return {
    claim: "every stored body's SHA-256 is the sent one",
    found: `${equal} of ${sent.length}`,
    holds: equal === sent.length,
  }
}

/** The ids are summed, so a webhook that was counted twice, or not at all, shows. */
function checkDigests(done: readonly Sent[], { digests }: Read): Check {
  const expected = new Map<string, Digest>()
  for (const { delivery, event, owner, bytes } of done) {
    expected.set(owner, addToDigest(expected.get(owner) ?? emptyDigest, { id: delivery, event, bytes }))
  }
  const same = [...expected].filter(([owner, digest]) => isSameDigest(digest, digests[owner] ?? emptyDigest))
  return {
    claim: 'no digest counted twice or left out',
    found: `${same.length} of ${expected.size} digests are as expected`,
    holds: same.length === expected.size,
  }
}

function checkTallies(done: readonly Sent[], { tallies }: Read): Check {
  const counted = Object.values(tallies).reduce((sum, count) => sum + count, 0)
  return {
    claim: 'every effect took place once',
    found: `${counted} counted for ${done.length} done`,
    holds: counted === done.length,
  }
}

function checkCallbacks(sent: readonly Sent[], received: readonly Received[]): Check {
  const told = new Set(received.map(({ operation }) => operation))
  const operations = sent.filter(({ operation }) => told.has(operation))
  return {
    claim: 'every operation was called back',
    found: `${operations.length} of ${sent.length}, by ${received.length} ${received.length === 1 ? 'call' : 'calls'}`,
    holds: operations.length === sent.length,
  }
}
