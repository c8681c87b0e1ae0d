/** An app's subscriptions, found and listed by records of its own: how many others have costs it nothing and is not to be seen. */
import { belongingsOf } from '../../app/index.ts'
import { belongingPrefix } from '../../core/belonging.ts'
import type { Engine } from '../../core/engine.ts'

export interface SubscriptionName {
  readonly topic: string
  /** As the app says it. */
  readonly name: string
}

/** By topic and name. */
export async function subscriptionsOf(engine: Pick<Engine, 'list'>, app: string): Promise<readonly SubscriptionName[]> {
  const prefix = belongingPrefix(app, 'subscription')
  return (await belongingsOf(engine, app, 'subscription')).map(({ key }) => {
    const [topic, name] = key.slice(prefix.length).split('/') as [string, string]
    return { topic, name }
  })
}
