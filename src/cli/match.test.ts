import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { parseMatch } from './match.ts'

const nowMs = Date.UTC(2026, 0, 2)

test('fields are read, times from durations too', () => {
  deepEqual(parseMatch(['error=timed-out', 'type=a=b', 'since=2h', 'before=2026-01-01T00:00:00Z'], nowMs), {
    error: 'timed-out',
    type: 'a=b',
    since: '2026-01-01T22:00:00.000Z',
    before: '2026-01-01T00:00:00.000Z',
  })
  deepEqual(parseMatch([], nowMs), {})
})

test('mistakes say what would be right', () => {
  throws(() => parseMatch(['eror=x'], nowMs), /--match is 'eror=x': it must be FIELD=VALUE with a field of type, error/)
  throws(() => parseMatch(['error'], nowMs), { exit: 'usage' })
  throws(() => parseMatch(['since=yesterday'], nowMs), /since= is 'yesterday'/)
  throws(() => parseMatch(['since=5'], nowMs), { code: 'duration-without-unit' })
})
