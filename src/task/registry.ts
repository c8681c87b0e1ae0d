/** The contracts that this process has met: declared by its handlers, or sent to. By queue; the last one met is the one meant. */
import { PosthornError } from '../core/error.ts'
import type { Message } from '../core/message.ts'
import { validate } from '../core/schema.ts'
import { toPromise } from '../core/thenable.ts'
import { taskQueue } from '../operation/index.ts'
import type { Definition } from './definition.ts'
import type { TopicDefinition } from './topic-definition.ts'
import { show } from '../core/option.ts'

export class Registry {
  readonly #definitions = new Map<string, Definition>()
  readonly #topics = new Map<string, TopicDefinition>()

  add(definition: Definition): void {
    if (this.#definitions.get(definition.queue) !== definition) this.#definitions.set(definition.queue, definition)
  }

  addTopic(definition: TopicDefinition): void {
    this.#topics.set(definition.name, definition)
  }

  topic(name: string): TopicDefinition | undefined {
    return this.#topics.get(name)
  }

  topics(): readonly TopicDefinition[] {
    return [...this.#topics.values()]
  }

  /** The contract of a queue like 'inbox' or 'task:resize'. */
  get(queue: string): Definition | undefined {
    return this.#definitions.get(queue)
  }

  task(name: string): Definition | undefined {
    return this.#definitions.get(taskQueue(name))
  }

  all(): readonly Definition[] {
    return [...this.#definitions.values()]
  }

  /** Key, group and dedupe as the queue's contract, where it is known here, gives them for an input; a contract that would have to be waited for gives none. */
  follow(queue: string, input: unknown): Pick<Message, 'key' | 'group' | 'dedupe'> {
    const definition = this.get(queue)
    if (definition === undefined || (definition.key ?? definition.group ?? definition.dedupe) === null) return {}
    const parsed = definition.input === null ? ({ ok: true, value: input } as const) : validate(definition.input, input)
    if (parsed instanceof Promise || !parsed.ok) return {}
    try {
      return applyPolicies(definition, parsed.value)
    } catch {
      return {}
    }
  }
}

/** @throws PosthornError `invalid-input` where a function of the contract throws or returns something else than a text */
export function applyPolicies(definition: Definition, parsed: unknown): Pick<Message, 'key' | 'group' | 'dedupe'> {
  const { key, group, dedupe } = definition
  if (key === null && group === null && dedupe === null) return {}
  return {
    ...ask(definition, 'key', parsed),
    ...ask(definition, 'group', parsed),
    ...ask(definition, 'dedupe', parsed),
  }
}

function ask(
  definition: Definition,
  option: 'key' | 'group' | 'dedupe',
  parsed: unknown,
): { readonly [option: string]: string } {
  const policy = definition[option]
  if (policy === null) return {}
  let text: unknown
  try {
    text = policy(parsed)
    // Refused below; its own failure must not go unheard as well.
    toPromise(text)?.catch(() => {})
  } catch (cause) {
    throw new PosthornError(
      'invalid-input',
      `${definition.kind} '${definition.name}': its ${option} function failed for this input`,
      { cause, details: { field: option } },
    )
  }
  if (text === undefined) return {}
  if (typeof text !== 'string' || text === '')
    throw new PosthornError(
      'invalid-input',
      `${definition.kind} '${definition.name}': its ${option} function gave ${show(text)}: it must be a text that is not empty`,
      { details: { field: option } },
    )
  return { [option]: text }
}
