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
  /** @throws WebhookError `invalid-body` */
  json(): unknown
  /** The fields of a form. */
  form(): Readonly<Record<string, string>>
}

export function toVerified(facts: Omit<Verified, 'text' | 'json' | 'form'>): Verified {
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
      try {
        return JSON.parse(text()) as unknown
      } catch (error) {
        if (error instanceof WebhookError) throw error
        throw new WebhookError('invalid-body', `the body of ${facts.body.length} bytes is not JSON`, { id: facts.id })
      }
    },
    form: () => textFields(facts.body),
  }
}
