import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf, isTurnedAway } from './failure.ts'

const withCode = (code: string): Error => Object.assign(new Error('x'), { code })

test('what comes of the network, or of a driver without a connection, is lost', () => {
  for (const error of [
    ...['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', '08006', '57P01', '53300'].map(withCode),
    new Error('Connection terminated unexpectedly'),
    new Error('the connection is lost'),
    Object.assign(new AggregateError([withCode('ECONNREFUSED')]), { code: 'ECONNREFUSED' }),
    // As Node has it where a host has several addresses.
    new AggregateError([withCode('ECONNREFUSED')]),
  ])
    equal(failureOf(error), 'lost', String(error))
})

test('what the server says is told apart by its code', () => {
  equal(failureOf(withCode('40P01')), 'passing')
  equal(failureOf(withCode('57014')), 'passing')
  equal(failureOf(withCode('22P02')), 'refused')
})

test('whoever ends the session, under whatever code, may have done what was asked for', () => {
  for (const severity of ['FATAL', 'PANIC'])
    for (const code of ['XX000', '28000', '40001', '25P04', '57P01'])
      equal(failureOf(Object.assign(withCode(code), { severity })), 'lost', `${severity} ${code}`)
  equal(failureOf(Object.assign(withCode('XX000'), { severity: 'ERROR' })), 'refused')
  equal(failureOf(Object.assign(new TypeError('x'), { severity: 'FATAL' })), 'broken')
  // In whatever language it says so.
  equal(failureOf(Object.assign(withCode('25P04'), { severity: 'ВАЖНО' })), 'lost')
})

test('whoever is not let in is told so for good, although the server ends the session', () => {
  for (const code of ['28P01', '28000', '3D000', '42501'])
    equal(isTurnedAway(Object.assign(withCode(code), { severity: 'FATAL' })), true, code)
  for (const code of ['53300', '57P03'])
    equal(isTurnedAway(Object.assign(withCode(code), { severity: 'FATAL' })), false, code)
})

test('a mistake of the program is no outage: it is the same with each try', () => {
  for (const error of [new TypeError('x'), new RangeError('x'), new ReferenceError('x'), new SyntaxError('x')])
    equal(failureOf(error), 'broken', String(error))
  // What Node throws itself of what it is given.
  equal(failureOf(Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' })), 'broken')
  // What a socket says is the network's, whatever kind of error it is.
  equal(failureOf(Object.assign(new RangeError('x'), { code: 'ECONNRESET' })), 'lost')
})
