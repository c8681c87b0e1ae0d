/** Apps and keys as clients see them, and as the document describes them. */
import { QUOTA_NAMES, type AppView, type KeyView, type NewKey } from '../../app/index.ts'
import { toTime, toTimeOrNull } from '../message/show.ts'
import {
  list,
  object,
  options,
  orNull,
  ref,
  text,
  time,
  whole,
  writable,
  type Components,
} from '../openapi/json-schema.ts'

export function showApp({ createdAt, keys, ...app }: AppView): Record<string, unknown> {
  return { ...app, version: undefined, createdAt: toTime(createdAt.getTime()), keys: keys.map(showKey) }
}

export function showKey({ id, note, scopes, createdAt, expiresAt }: KeyView): Record<string, unknown> {
  return {
    id,
    note,
    scopes,
    createdAt: toTime(createdAt.getTime()),
    expiresAt: toTimeOrNull(expiresAt?.getTime() ?? null),
  }
}

export const showNewKey = (key: NewKey): Record<string, unknown> => ({ key: key.key, ...showKey(key) })

/** For the document. */
const settings = {
  title: text('For people.'),
  scopes: {
    ...list(text(), 100),
    description:
      "What its keys may: KIND:PATTERN or KIND:PATTERN:VERBS, like 'task:image.*:start'. Kinds: queue (send, lease, read, manage), task (start, read, cancel), topic (publish, subscribe, read), endpoint (read, manage).",
  },
  quotas: options(Object.fromEntries(QUOTA_NAMES.map((name) => [name, { type: 'number', minimum: 0 }]))),
  maxPriority: whole(0, 9, 4),
  source: text('CloudEvents source of what it sends.'),
  callbackOrigins: { ...list(text(), 100), description: 'Where completion callbacks of its operations may go.' },
}
const shown = { ...settings, title: orNull(settings.title), quotas: { ...settings.quotas, additionalProperties: true } }
const key = {
  id: text('Names it, and opens nothing.'),
  note: orNull(text()),
  scopes: orNull(list(text())),
  createdAt: time,
  expiresAt: orNull(time),
}
const usage = object(
  Object.fromEntries(
    ['bytes', 'operations', 'queues', 'subscriptions', 'endpoints'].map((name) => [
      name,
      { type: 'integer', minimum: 0 },
    ]),
  ),
  { description: 'What it has of its quotas.' },
)
const state = { name: text(), paused: { type: 'boolean' }, deleting: { type: 'boolean' }, createdAt: time }

export const APP_COMPONENTS: Components = {
  AppKey: object(key),
  NewAppKey: object({ key: text('What rides in Authorization. Shown this once.'), ...key }),
  AppSettings: writable(settings, { ...state, keys: list(ref('AppKey')), usage }),
  NewApp: object({ name: text(), ...settings }, { optional: Object.keys(settings), closed: true }),
  App: object({ ...shown, ...state, keys: list(ref('AppKey')), usage }, { optional: ['usage'] }),
  OwnApp: object({ name: text(), ...shown, key: orNull(ref('AppKey')), usage }),
}
