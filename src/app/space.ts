/**
 * An app's own name space. What the app calls `inbox` is `app:APP:inbox` in the engine: its queues, the names of its subscriptions, and its
 * texts for dedupe and keys. Names are turned at the server's edge and nowhere else; the platform says them as they are.
 */
import { partsOfAppName, spaceOf } from '../core/name.ts'
import type { Principal } from './principal.ts'

/** A name that the principal said, as the engine has it. The name is checked before. */
export function inSpace(principal: Principal, name: string): string {
  return principal.app === null ? name : spaceOf(principal.app) + name
}

/** A name of the engine as the principal says it. One that is another app's is never shown; here it would stay as it is. */
export function outOfSpace(principal: Principal, name: string): string {
  if (principal.app === null) return name
  const space = spaceOf(principal.app)
  return name.startsWith(space) ? name.slice(space.length) : name
}

/** Whether the engine's name is in the principal's space; the platform's is everything. */
export function isInSpace(principal: Principal, name: string): boolean {
  return principal.app === null || name.startsWith(spaceOf(principal.app))
}

/** A text of some app, as that app said it: what a reader who is not the platform is shown of another's key. */
export const bareText = (text: string): string => partsOfAppName(text)?.name ?? text
