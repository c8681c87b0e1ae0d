import { equal, notEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { Entries } from '../entries.ts'
import { NameTable } from './name-table.ts'

function table(): { readonly names: NameTable; readonly effects: Entries; readonly named: () => number } {
  const names = new NameTable()
  let count = 0
  const effects = { named: (name: number, text: string) => (count++, names.set(name, text)) } as unknown as Entries
  return { names, effects, named: () => count }
}

test('one text has one number for as long as something refers to it', () => {
  const { names, effects, named } = table()
  const name = names.intern('text', effects)
  names.retain(name)
  equal(names.intern('text', effects), name)
  equal(names.text(name), 'text')
  notEqual(names.intern('other', effects), name)
  equal(names.intern(undefined, effects), 0)
  equal(named(), 2)
})

test('texts that come and go do not pile up, and one at a time is not named anew each time', () => {
  const { names, effects, named } = table()
  for (let count = 0; count < 100; count++) {
    const name = names.intern('same', effects)
    names.retain(name)
    names.release(name)
  }
  equal(named(), 1)
  const kept = names.intern('kept', effects)
  names.retain(kept)
  for (let count = 0; count < 50_000; count++) {
    const name = names.intern(`key ${count}`, effects)
    names.retain(name)
    names.release(name)
  }
  ok(names.texts.length < 10_000, `${names.texts.length} names`)
  equal(names.text(kept), 'kept')
  equal(names.find('kept'), kept)
  equal(names.find('key 0'), 0)
})

test('a name found again is not forgotten for the next one, before anything refers to it', () => {
  const { names, effects } = table()
  const key = names.intern('key', effects)
  for (let count = 0; count < 8190; count++) names.intern(`filler ${count}`, effects)
  equal(names.intern('key', effects), key)
  names.intern('type', effects)
  equal(names.text(key), 'key')
})

test('after a replay the names in use are known and the others free', () => {
  const names = new NameTable()
  names.set(1, 'unused')
  names.set(2, 'used')
  names.set(3, 'unused')
  names.retain(2)
  names.finish()
  equal(names.find('used'), 2)
  equal(names.find('unused'), 0)
})
