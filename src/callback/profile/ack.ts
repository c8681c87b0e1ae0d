/** What of a receiver's answer counts as "I have it": a status, an exact text, a member of a JSON body; or what only its secret can read. */

export type Ack =
  /** Any of these; 'success': 200 to 299. */
  | { readonly status: 'success' | readonly number[] }
  /** A status of success, and this text as the whole body, white space around it apart. */
  | { readonly text: string }
  /** A status of success, and at this path of the body this value. */
  | { readonly json: readonly string[]; readonly equals: string | number | boolean | null }

export interface Received {
  readonly status: number
  readonly body: string
}

/** A sentence on why the answer is no acknowledgement; null where it is one. */
export function faultOfAck(ack: Ack, { status, body }: Received): string | null {
  if ('status' in ack && ack.status !== 'success')
    return ack.status.includes(status) ? null : `it answered ${status}, and not ${ack.status.join(' or ')}`
  if (status < 200 || status > 299) return `it answered ${status}`
  if ('text' in ack)
    return body.trim() === ack.text ? null : `it answered ${status} without the text ${JSON.stringify(ack.text)}`
  if ('json' in ack) {
    const found = memberOf(body, ack.json)
    if (found === ack.equals) return null
    return `it answered ${status} with ${found === undefined ? 'no' : 'another'} value at ${ack.json.join('.')}`
  }
  return null
}

function memberOf(body: string, path: readonly string[]): unknown {
  try {
    let value: unknown = JSON.parse(body)
    for (const name of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
      value = (value as Record<string, unknown>)[name]
    }
    return value
  } catch {
    return undefined
  }
}

/** What is wrong with a criterion that was given; null where nothing is. */
export function faultOfCriterion(ack: unknown): string | null {
  const right = "{ status: 'success' | [200, …] }, { text: 'success' } or { json: ['code'], equals: 0 }"
  if (typeof ack !== 'object' || ack === null || Array.isArray(ack)) return right
  const { status, text, json, equals, ...more } = ack as Record<string, unknown>
  const kinds = [status, text, json].filter((each) => each !== undefined).length
  if (kinds !== 1 || Object.keys(more).length > 0) return right
  if (status !== undefined)
    return status === 'success' || (Array.isArray(status) && status.length > 0 && status.every(isStatus)) ? null : right
  if (text !== undefined) return typeof text === 'string' && text !== '' && text.length <= 200 ? null : right
  const isPath =
    Array.isArray(json) && json.length > 0 && json.length <= 8 && json.every((each) => typeof each === 'string')
  return isPath && (equals === null || ['string', 'number', 'boolean'].includes(typeof equals)) ? null : right
}

const isStatus = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 200 && (value as number) < 600
