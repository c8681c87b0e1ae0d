import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { readWait } from './prefer.ts'

const headers = (given: Record<string, string>) => new Headers(given)
const read = (prefer: string) => readWait(headers({ prefer }))

test('Prefer: the first wait counts, at most 60, everything else is ignored', () => {
  equal(read('respond-async, wait=10'), 10)
  equal(read('WAIT = "7"; x=1'), 7)
  equal(read('wait=1, wait=2'), 1)
  equal(read('wait=999999'), 60)
  for (const none of ['', 'respond-async', 'wait', 'wait=x', 'wait=-1', 'waiting=3']) equal(read(none), null, none)
})
