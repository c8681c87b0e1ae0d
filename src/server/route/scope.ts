/**
 * What an app's key must be allowed for a route. A thing that no scope of the key covers is not there for it, so that it is answered as one
 * that does not exist; where the key may do other things with it, it is told which scope is missing. Neither asks the engine.
 */
import type { Principal, ScopeKind, ScopeVerb } from '../../app/index.ts'
import { PosthornError, type ErrorCode } from '../../core/error.ts'

const NOT_FOUND: Readonly<Record<ScopeKind, ErrorCode>> = {
  queue: 'queue-not-found',
  task: 'task-not-found',
  topic: 'topic-not-found',
  endpoint: 'endpoint-not-found',
}

/** @param name as the principal says it @throws PosthornError `forbidden-scope`, and that there is no such thing */
export function checkScope<K extends ScopeKind>(
  { kind: who, scopes }: Principal,
  kind: K,
  verb: ScopeVerb<K>,
  name: string,
): void {
  if (who === 'platform' || scopes.allows(kind, verb, name)) return
  if (!scopes.covers(kind, name)) throw notThere(kind, name)
  throw new PosthornError(
    'forbidden-scope',
    `this key may not ${verb} ${kind} '${name}': it needs the scope ${kind}:${name}:${verb}`,
    {
      details: { scope: `${kind}:${name}:${verb}` },
    },
  )
}

/** The one error for what does not exist and for what is not the asker's: they are told apart by nothing. */
export function notThere(kind: ScopeKind, name: string): PosthornError {
  return new PosthornError(NOT_FOUND[kind], `there is no ${kind} '${name}'`, { details: { [kind]: name } })
}
