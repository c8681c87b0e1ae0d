/** Tells the other processes of this machine that this one holds the engine, and how their commands get through it. */
import { secretBytes } from '../core/id.ts'
import type { Post } from '../posthorn.ts'
import type { Server } from '../server/index.ts'

/** A key that only those get who may read the engine's folder; the server takes it beside the platform's own. */
export const createOwnerKey = (): string => Buffer.from(secretBytes(24)).toString('base64url')

export async function announceOwner(post: Post, server: Pick<Server, 'host' | 'port'>, key: string): Promise<void> {
  const { internalsOf } = await import('../posthorn.ts')
  await internalsOf(post).engine.announce?.({ address: `http://${reachable(server.host)}:${server.port}`, key })
}

/** A server on every address is reached over loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
