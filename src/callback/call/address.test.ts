import { equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { isPublicAddress, literalAddress, parseRange } from './address.ts'

const none = new Set<string>()
const isPublic = (text: string, ...ranges: string[]) =>
  isPublicAddress(
    text,
    ranges.map((range) => parseRange(range, 'ranges')),
    none,
  )

test('addresses that are not global unicast are refused', () => {
  const bad = `0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1
    192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 2001:db8::1 3fff::1 100::1 64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1:: 2001::1 5f00::1
    ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:169.254.169.254 ::127.0.0.1 ::ffff:0:127.0.0.1 4000::1 1::1 0100::1`
  for (const text of bad.split(/\s+/)) equal(isPublic(text), false, text)
})

test('public addresses pass', () => {
  for (const text of [
    '1.1.1.1',
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700:4700::1111',
    '[2a00:1450:4001::1]',
    '::ffff:8.8.8.8',
  ])
    equal(isPublic(text), true, text)
})

test('every spelling of loopback and of the metadata service is the address that it is', () => {
  const loopback = [
    '127.1',
    '127.0.1',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '0177.0.0.1',
    '017700000001',
    '0x7f.0x0.0x0.0x1',
    '::ffff:127.0.0.1',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:127.0.0.1]',
  ]
  for (const text of loopback) equal(literalAddress(text), '127.0.0.1', text)
  for (const text of [
    '2852039166',
    '0xa9fea9fe',
    '0xA9.0xFE.0xA9.0xFE',
    '169.16689662',
    '0251.0376.0251.0376',
    '[::ffff:a9fe:a9fe]',
  ])
    equal(isPublic(text), false, text)
})

test('what is no address is none, and fails closed', () => {
  for (const text of ['localhost', 'example.com', '', '1.2.3.4.5', '999.1.1.1', '::g', '127.0.0.1.nip.io']) {
    equal(literalAddress(text), null, text)
    equal(isPublic(text), false, text)
  }
})

test('ranges open what they name, and no more', () => {
  equal(isPublic('10.1.2.3', '10.1.0.0/16'), true)
  equal(isPublic('10.2.2.3', '10.1.0.0/16'), false)
  equal(isPublic('::ffff:10.1.2.3', '10.1.0.0/16'), true)
  equal(isPublic('fd00::1', 'fd00::/8'), true)
  equal(isPublic('127.0.0.1', '127.0.0.1'), true)
  throws(() => parseRange('10.0.0.0/33', 'ranges'), { code: 'invalid-option' })
  throws(() => parseRange('inside', 'ranges'), { code: 'invalid-option' })
})

test("this machine's own public addresses are refused", () => {
  equal(isPublicAddress('8.8.8.8', [], new Set(['8.8.8.8'])), false)
})
