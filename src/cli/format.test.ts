import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { countOf, formatBytes, formatLine, formatMoment, formatSpan, parseBytes } from './format.ts'

test('spans have the unit that people would choose', () => {
  equal(formatSpan(0.0912), '0.09 ms')
  equal(formatSpan(340), '340 ms')
  equal(formatSpan(4_200), '4.2 s')
  equal(formatSpan(42_900), '42 s')
  equal(formatSpan(185_000), '3 m')
  equal(formatSpan(5 * 3_600_000), '5 h')
  equal(formatSpan(12.5 * 86_400_000), '12 d')
})

test('moments are told from now', () => {
  equal(formatMoment(1_000, 1_400), 'now')
  equal(formatMoment(0, 180_000), '3 m ago')
  equal(formatMoment(200_000, 180_000), 'in 20 s')
})

test('bytes and counts', () => {
  equal(formatBytes(512), '512 B')
  equal(formatBytes(1_048_576), '1.0 MiB')
  equal(countOf(1, 'message'), '1 message')
  equal(countOf(12_345, 'message'), '12,345 messages')
})

test('what a message holds cannot steer the terminal', () => {
  equal(formatLine('a\u001b[2Jb\nc\u009bd'), 'a [2Jb c d')
  equal(formatLine('x'.repeat(100), 10), `${'x'.repeat(9)}…`)
})

test('sizes need a unit', () => {
  equal(parseBytes('64MiB'), 64 * 1024 ** 2)
  equal(parseBytes('1.5 gb'), 1_500_000_000)
  equal(parseBytes('0B'), 0)
  for (const wrong of ['64', '', 'MiB', '-1MiB', '1e3B', '64 MiBs']) equal(parseBytes(wrong), null, wrong)
})
