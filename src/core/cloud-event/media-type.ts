/** What a Content-Type says about an HTTP message: how events ride in it, and whether its bytes are JSON or text. */

export type Mode = 'batch' | 'structured' | 'binary'

/** The charset in lower case: the CloudEvents SDK for JavaScript knows it in no other. */
export const STRUCTURED_TYPE = 'application/cloudevents+json; charset=utf-8'
export const BATCH_TYPE = 'application/cloudevents-batch+json; charset=utf-8'

/** `binary` is everything that names no event format. */
export function modeOf(contentType: string | null): Mode {
  const text = contentType?.trim().toLowerCase() ?? ''
  if (text.startsWith('application/cloudevents-batch')) return 'batch'
  return text.startsWith('application/cloudevents') ? 'structured' : 'binary'
}

/** The media type alone, in lower case. */
export function essenceOf(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()
}

/** Absent means JSON, as everywhere in CloudEvents' JSON format. */
export function isJsonType(contentType: string | undefined): boolean {
  if (contentType === undefined) return true
  const essence = essenceOf(contentType)
  return essence === 'application/json' || essence === 'text/json' || essence.endsWith('+json')
}

export function isTextType(contentType: string): boolean {
  const essence = essenceOf(contentType)
  return essence.startsWith('text/') || essence === 'application/xml' || essence.endsWith('+xml')
}
