/** What an endpoint asks for: topics, each once, with the types and filters of its events. */
import { PosthornError } from '../../core/error.ts'
import type { Filter } from '../../core/filter.ts'
import { isTopicName } from '../../core/name.ts'
import { checkKnown, invalidOption, isPlain } from '../../core/option.ts'
import { faultOfSubscription } from '../../core/settings.ts'
import { isTopic, topicDefinitionOf } from '../../task/index.ts'
import type { EndpointSubscription } from './endpoint.ts'

const MOST_SUBSCRIPTIONS = 50

/** @throws PosthornError `invalid-option` */
export function resolveSubscriptions(field: string, value: unknown): readonly EndpointSubscription[] {
  if (!Array.isArray(value) || value.length > MOST_SUBSCRIPTIONS)
    throw invalidOption(
      field,
      'subscriptions',
      value,
      `a list of at most ${MOST_SUBSCRIPTIONS} like { topic: 'orders', types: ['order.*'] }`,
    )
  const topics = new Set<string>()
  return value.map((each: unknown, at) => {
    const place = `${field}: subscriptions[${at}]`
    if (!isPlain(each)) throw invalidOption(place, 'it', each, "an object like { topic: 'orders', types: ['order.*'] }")
    checkKnown(place, each, ['topic', 'types', 'filters'])
    const topic = isTopic(each['topic']) ? topicDefinitionOf(each['topic'], place).name : each['topic']
    if (typeof topic !== 'string' || !isTopicName(topic))
      throw invalidOption(place, 'topic', topic, 'the name of a topic')
    if (topics.has(topic))
      throw invalidOption(place, 'topic', topic, "a topic that is named once: give it several types, or a filter 'any'")
    topics.add(topic)
    const { types = [], filters = [] } = each as {
      readonly types?: readonly string[]
      readonly filters?: readonly Filter[]
    }
    if (!Array.isArray(types)) throw invalidOption(place, 'types', types, "a list of patterns like 'order.*'")
    if (!Array.isArray(filters)) throw invalidOption(place, 'filters', filters, 'a list of CloudEvents filters')
    const fault = faultOfSubscription({ topic, name: 'endpoint', types, filters, from: 'now', order: 'none' })
    if (fault !== null) throw new PosthornError('invalid-option', `${place}: ${fault}`, { details: { field: place } })
    return { topic, types, filters }
  })
}
