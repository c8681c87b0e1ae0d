/**
 * Changing a queue's settings: what a contract or an operator says is laid over what is stored, so that what neither names stays
 * as it is. Settings are versioned; two who change them at once both see their change or one is told.
 */
import type { Engine, Version } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { fromJsonBytes } from '../core/json.ts'
import { defaultSettings, faultOfSettings, settingsKey, type QueueSettings } from '../core/settings.ts'

/** What to change; nested parts may be given in part as well. */
export type SettingsChange = PartOf<Omit<QueueSettings, 'limit' | 'keep'>> & {
  readonly limit?: PartOf<QueueSettings['limit']> | undefined
  readonly keep?: PartOf<QueueSettings['keep']> | undefined
}

type PartOf<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** Settings as they are stored; `version` is null while the queue has the defaults only. */
export interface StoredSettings {
  readonly settings: QueueSettings
  readonly version: Version | null
}

const TRIES = 5

export function applySettings(settings: QueueSettings, change: SettingsChange): QueueSettings {
  const { limit, keep, ...rest } = change
  return {
    ...settings,
    ...given(rest),
    limit: { ...settings.limit, ...given(limit ?? {}) },
    keep: { ...settings.keep, ...given(keep ?? {}) },
  }
}

export async function readSettings(engine: Pick<Engine, 'get'>, queue: string): Promise<StoredSettings> {
  const [record = null] = await engine.get([settingsKey(queue)])
  const settings = defaultSettings(queue)
  if (record === null) return { settings, version: null }
  return { settings: { ...settings, ...(fromJsonBytes(record.value) as QueueSettings) }, version: record.version }
}

/**
 * Changes settings; with `ifVersion` only if they are still in that version (null: only if there are none yet).
 * @throws PosthornError `conflict`, `invalid`, `unsupported`
 */
export async function changeSettings(
  engine: Engine,
  queue: string,
  change: SettingsChange,
  options: { readonly ifVersion?: Version | null | undefined } = {},
): Promise<StoredSettings> {
  for (let tries = 1; ; tries++) {
    const stored = await readSettings(engine, queue)
    const settings = applySettings(stored.settings, change)
    checkSettings(engine, queue, settings)
    const ifVersion = options.ifVersion === undefined ? stored.version : options.ifVersion
    const [result] = await engine.commit([{ changes: [{ do: 'configure', queue, settings, ifVersion }] }])
    if (result?.status === 'committed') {
      const configured = result.results[0]
      return { settings, version: configured && 'version' in configured ? configured.version : null }
    }
    if (result?.code !== 'conflict' || options.ifVersion !== undefined || tries >= TRIES)
      throw new PosthornError(result?.code ?? 'unknown', `queue '${queue}': ${result?.detail ?? 'no answer'}`, {
        details: { queue },
      })
  }
}

/**
 * Puts in place what a contract declares. Whether anything had to change.
 * @throws PosthornError `invalid`, `unsupported`
 */
export async function declareSettings(engine: Engine, queue: string, change: SettingsChange): Promise<boolean> {
  const { settings, version } = await readSettings(engine, queue)
  const declared = applySettings(settings, change)
  checkSettings(engine, queue, declared)
  if (version !== null && JSON.stringify(declared) === JSON.stringify(settings)) return false
  await changeSettings(engine, queue, change)
  return version !== null
}

/** Puts in place what a contract declares where nobody has set anything yet: what senders may do. */
export async function declareSettingsIfNone(engine: Engine, queue: string, change: SettingsChange): Promise<void> {
  const settings = applySettings(defaultSettings(queue), change)
  checkSettings(engine, queue, settings)
  await engine.commit([{ changes: [{ do: 'configure', queue, settings, ifVersion: null }] }])
}

/** @throws PosthornError `invalid` for wrong values, `unsupported` for what this engine cannot do */
export function checkSettings(
  { capabilities }: Pick<Engine, 'capabilities'>,
  queue: string,
  { pick, ...rest }: QueueSettings,
): void {
  const fault = faultOfSettings({ pick, ...rest })
  if (fault !== null) throw new PosthornError('invalid', `queue '${queue}': ${fault}`, { details: { queue } })
  if (!capabilities.pick.includes(pick.by))
    throw new PosthornError(
      'unsupported',
      `queue '${queue}': the engine '${capabilities.engine}' cannot pick by '${pick.by}'; it can by ${capabilities.pick.map((by) => `'${by}'`).join(', ')}`,
      { details: { queue } },
    )
  if (pick.fair !== undefined && !capabilities.fair)
    throw new PosthornError('unsupported', `queue '${queue}': the engine '${capabilities.engine}' has no fair shares`, {
      details: { queue },
    })
}

/** Without what is undefined: that means "as it is". */
function given<T extends object>(change: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
