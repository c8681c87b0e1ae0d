/** The contracts that this process has met: declared by its handlers, or sent to. By queue; the last one met is the one meant. */
import { PosthornError } from '../core/error.ts'
import type { Message } from '../core/message.ts'
import { validate } from '../core/schema.ts'
import { toPromise } from '../core/thenable.ts'
import { taskQueue } from '../operation/index.ts'
import type { Definition } from './definition.ts'
import type { TopicDefinition } from './topic-definition.ts'
import { show } from '../core/option.ts'

const POLICIES = ['key', 'group', 'dedupe'] as const

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
  follow(queue: string, input: unknown): Policies {
    const definition = this.get(queue)
    if (definition === undefined || !hasPolicies(definition)) return {}
    const parsed = definition.input === null ? ({ ok: true, value: input } as const) : validate(definition.input, input)
    if (parsed instanceof Promise || !parsed.ok) return {}
    try {
      return applyPolicies(definition, parsed.value)
    } catch {
      return {}
    }
  }
}

type Policies = Pick<Message, 'key' | 'group' | 'dedupe'>

/** Whether the contract gives a message a key, a group or a dedupe text. */
export function hasPolicies({ key, group, dedupe }: Definition): boolean {
  return (key ?? group ?? dedupe) !== null
}

/** @throws PosthornError `invalid-input` where a function of the contract throws or returns something else than a text */
export function applyPolicies(definition: Definition, parsed: unknown): Policies {
  const texts: { -readonly [Name in keyof Policies]: Policies[Name] } = {}
  for (const option of POLICIES) {
    if (definition[option] === null) continue
    const text = ask(definition, option, parsed)
    if (text !== undefined) texts[option] = text
  }
  return texts
}

function ask(definition: Definition, option: keyof Policies, parsed: unknown): string | undefined {
  let text: unknown
  try {
    text = definition[option]!(parsed)
    // Refused below; its own failure must not go unheard as well.
    toPromise(text)?.catch(() => {})
  } catch (cause) {
    throw new PosthornError(
      'invalid-input',
      `${definition.kind} '${definition.name}': its ${option} function failed for this input`,
      { cause, details: { field: option } },
    )
  }
  if (text === undefined) return undefined
  if (typeof text !== 'string' || text === '')
    throw new PosthornError(
      'invalid-input',
      `${definition.kind} '${definition.name}': its ${option} function gave ${show(text)}: it must be a text that is not empty`,
      { details: { field: option } },
    )
  return text
}
