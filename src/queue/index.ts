/** The public face of queue administration. */
export { createQueueControl } from './administer.ts'
export type {
  BrowseOptions,
  Match,
  PurgeOptions,
  QueueControl,
  RedriveOptions,
  Swept,
  SweepOptions,
} from './control.ts'
export {
  applySettings,
  changeSettings,
  checkSettings,
  declareSettings,
  declareSettingsIfNone,
  readSettings,
  type SettingsChange,
  type StoredSettings,
} from './settings.ts'
