import { equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { both, compileScopes } from './scope.ts'

test('a scope allows what its pattern and verbs say, and nothing else', () => {
  const scopes = compileScopes(['queue:inbox', 'task:image.*:start,read', 'topic:**:subscribe'])
  equal(scopes.allows('queue', 'send', 'inbox'), true)
  equal(scopes.allows('queue', 'manage', 'inbox'), true)
  equal(scopes.allows('queue', 'send', 'inbox.2'), false)
  equal(scopes.allows('task', 'start', 'image.resize'), true)
  equal(scopes.allows('task', 'start', 'image'), false)
  equal(scopes.allows('task', 'cancel', 'image.resize'), false)
  equal(scopes.covers('task', 'image.resize'), true)
  equal(scopes.covers('task', 'mail'), false)
  equal(scopes.allows('topic', 'subscribe', 'orders.eu'), true)
  equal(scopes.allows('topic', 'publish', 'orders.eu'), false)
  equal(scopes.covers('endpoint', 'any'), false)
})

test('no scopes allow nothing', () => {
  const none = compileScopes([])
  for (const name of ['inbox', '', '**']) equal(none.covers('queue', name), false)
})

test('of two, what both allow', () => {
  const scopes = both(compileScopes(['queue:**']), compileScopes(['queue:inbox:send', 'task:**']))
  equal(scopes.allows('queue', 'send', 'inbox'), true)
  equal(scopes.allows('queue', 'lease', 'inbox'), false)
  equal(scopes.allows('queue', 'send', 'other'), false)
  equal(scopes.covers('task', 'resize'), false)
})

test('what is no scope is refused and named', () => {
  for (const wrong of [
    'inbox',
    'queues:inbox',
    'queue:',
    'queue:in box',
    'queue:inbox:fly',
    'queue:a:send:b',
    'queue:inbox:',
    7,
  ])
    throws(() => compileScopes([wrong as never]), { code: 'invalid-option' }, String(wrong))
  throws(() => compileScopes('queue:inbox' as never), { code: 'invalid-option' })
})
