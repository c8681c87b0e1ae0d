/** Who does what the audit log tells of, as a request says it. */
import { decodeHeader } from '../../core/cloud-event/header.ts'
import { text } from '../openapi/json-schema.ts'
import { invalid } from '../request/field.ts'
import type { Call } from '../route/call.ts'
import type { Parameter } from '../route/route.ts'

const BY = 'posthorn-by'
export const BY_PARAMETER: Parameter = {
  name: 'Posthorn-By',
  in: 'header',
  description: 'Who does it, for the audit log. Percent-encoded like values of ce- headers. Default: platform.',
  schema: text(),
}

/** Who does it, for the audit log: whoever has the platform's key is believed. @throws PosthornError `invalid` */
export function actOf({ request }: Call): { readonly by?: string } {
  const given = request.headers.get(BY)
  if (given === null) return {}
  const by = decodeHeader(given, BY)
  if (by === '' || by.length > 200) throw invalid(BY, given, 'a text of 1 to 200 characters')
  return { by }
}
