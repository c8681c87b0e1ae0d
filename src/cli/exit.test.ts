import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { PosthornError } from '../core/error.ts'
import { CommandError, EXIT_CODES, exitOf, exitOfCode } from './exit.ts'

test('every error has its exit', () => {
  equal(exitOf(new CommandError('not-found', 'x', 'x')), 'not-found')
  equal(exitOf(new PosthornError('engine-locked', 'x')), 'locked')
  equal(exitOf(new PosthornError('full', 'x')), 'refused')
  equal(exitOf(new PosthornError('duration-without-unit', 'x')), 'usage')
  equal(exitOf(new PosthornError('invalid-input', 'x')), 'usage')
  equal(exitOf(new PosthornError('corrupt', 'x')), 'failed')
  equal(exitOf(new Error('x')), 'failed')
  equal(exitOfCode('whatever', 404), 'not-found')
  equal(exitOfCode('unauthorized', 401), 'unreachable')
  equal(exitOfCode('forbidden-origin', 403), 'unreachable')
  equal(exitOfCode('forbidden-queue', 403), 'usage')
})

test('no two exits share a code', () => {
  equal(new Set(Object.values(EXIT_CODES).map(({ code }) => code)).size, Object.keys(EXIT_CODES).length)
})
