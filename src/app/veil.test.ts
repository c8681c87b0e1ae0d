import { equal, match, notEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { PLATFORM } from './principal.ts'
import { createVeils } from './veil.ts'

const veils = createVeils(new Uint8Array(32).fill(1))
const acme = veils({ app: 'acme', id: 'app:acme:1' })
const beta = veils({ app: 'beta', id: 'app:beta:2' })
const ID = '01920f5e-7a3b-7c12-9d3e-0123456789ab'

test('what is hidden says nothing, is the same each time, and is read back by its app for its purpose alone', () => {
  const hidden = acme.hide('etag', '17')
  equal(acme.hide('etag', '17'), hidden)
  match(hidden, /^[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]+$/)
  equal(acme.reveal('etag', hidden), '17')
  equal(acme.reveal('page', hidden), null)
  equal(beta.reveal('etag', hidden), null)
  for (const wrong of ['', '17', '.', `${hidden}x`, `x${hidden}`, `${hidden}.x`, hidden.slice(0, -1), 'é.é'])
    equal(acme.reveal('etag', wrong), null, wrong)
})

test('an id that an app chose is another inside, and for another app another still', () => {
  const inside = acme.chosenId(ID)
  match(inside, /^01920f5e-7a3b-8c12-9[0-9a-f]{3}-[0-9a-f]{12}$/)
  equal(acme.shownId(inside), ID)
  notEqual(inside.slice(15), ID.slice(15))
  notEqual(beta.chosenId(ID), inside)
  notEqual(beta.shownId(inside), ID)
})

test('an id that Posthorn made is shown as it is', () => equal(acme.shownId(ID), ID))

test('nothing is hidden from the platform', () => {
  const clear = veils(PLATFORM)
  equal(clear.hide('etag', '17'), '17')
  equal(clear.reveal('etag', '17'), '17')
  equal(clear.chosenId(ID), ID)
})
