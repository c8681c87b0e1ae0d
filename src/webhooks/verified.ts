/** What came, once it is known to be from whom it says: handlers get this. */
import { toText } from './bytes.ts'
import { WebhookError } from './error.ts'
import { textFields } from './form.ts'

export interface Verified {
  /** The name of the profile. */
  readonly profile: string
  /** The same at every attempt: what duplicates are recognised by. Never empty. */
  readonly id: string
  readonly type: string | null
  /** Milliseconds since 1970; null where the platform signs no time. */
  readonly timestamp: number | null
  /** The bytes as they were signed; opened, where the platform seals them. */
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: Headers
  /** Which of the secrets fitted: its place in the list. */
  readonly secret: number
  /** @throws WebhookError `invalid-body` */
  text(): string
  /** Parsed once: the same value each time. @throws WebhookError `invalid-body` */
  json(): unknown
  /** The fields of a form. */
  form(): Readonly<Record<string, string>>
}

type Facts = Omit<Verified, 'text' | 'json' | 'form'> & {
  /** The body as JSON; undefined where it is none. */
  readonly parsed: () => unknown
}

export function toVerified({ parsed, ...facts }: Facts): Verified {
  const text = (): string => {
    try {
      return toText(facts.body)
    } catch {
      throw new WebhookError('invalid-body', 'the body is not UTF-8', { id: facts.id })
    }
  }
  return {
    ...facts,
    text,
    json: () => {
      const value = parsed()
      if (value !== undefined) return value
      throw new WebhookError('invalid-body', `the body of ${facts.body.length} bytes is not JSON`, { id: facts.id })
    },
    form: () => textFields(facts.body),
  }
}
