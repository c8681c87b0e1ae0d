import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_RESOURCE, readSettings, showSettings } from './settings.ts'

test('settings come back as they were written', () => {
  deepEqual(readSettings(showSettings(DEFAULT_RESOURCE), DEFAULT_RESOURCE), {
    ...DEFAULT_RESOURCE,
    settings: { ...DEFAULT_RESOURCE.settings, pick: { by: 'priority', agingMs: undefined } },
  })
  const other = readSettings(
    {
      pick: 'priority',
      aging: '90s',
      limit: { messages: null, bytes: 7 },
      keep: { acked: true, dead: '1d' },
      idleExpiry: '2h',
      paused: true,
      maxLapses: 0,
    },
    DEFAULT_RESOURCE,
  )
  deepEqual(readSettings(showSettings(other), DEFAULT_RESOURCE), other)
  deepEqual(readSettings({}, other), other, 'an empty patch changes nothing')
})
