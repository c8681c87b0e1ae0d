import { equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { readIdempotencyKey } from './idempotency.ts'

const headers = (given: Record<string, string>) => new Headers(given)

test('Idempotency-Key: a structured-fields string, or bare', () => {
  const read = (value: string) => readIdempotencyKey(headers({ 'idempotency-key': value }))
  equal(readIdempotencyKey(headers({})), null)
  equal(read('"8e03978e-40d5-43dd-bc93-6894a57f9324"'), '8e03978e-40d5-43dd-bc93-6894a57f9324')
  equal(read('8e03978e'), '8e03978e')
  equal(read('"a \\"b\\" \\\\"'), 'a "b" \\')
  for (const wrong of ['', '""', '"a', 'a"b', '"a"b"', '"\\x"', 'x'.repeat(256)])
    throws(() => read(wrong), { code: 'invalid' }, wrong)
})
