/** Before this process publishes its first event of a topic: what the contract says of what it keeps is in place, unless somebody has said otherwise. */
import type { Engine } from '../core/engine.ts'
import type { TopicDefinition } from '../task/index.ts'
import { declareRetentionIfNone } from './declare.ts'

/** What is to be waited for; null: nothing. */
export type PrepareTopic = (definition: TopicDefinition) => Promise<void> | null

export function createPrepareTopic(engine: Pick<Engine, 'get' | 'commit'>): PrepareTopic {
  /** Those under way, and `true` where it is done. */
  const prepared = new WeakMap<TopicDefinition, Promise<void> | true>()
  return (definition) => {
    if (definition.retention === undefined) return null
    const known = prepared.get(definition)
    if (known !== undefined) return known === true ? null : known
    const declaring = declareRetentionIfNone(engine, definition.name, definition.retention).then(
      () => void prepared.set(definition, true),
      (error: unknown) => {
        prepared.delete(definition)
        throw error
      },
    )
    prepared.set(definition, declaring)
    return declaring
  }
}
