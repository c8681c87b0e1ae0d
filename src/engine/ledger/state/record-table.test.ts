import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RecordRow } from '../entries.ts'
import { RecordTable } from './record-table.ts'

const commands = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    aliases: fc.uniqueArray(fc.constantFrom('x', 'y'), { maxLength: 2 }),
    expiresAt: fc.option(fc.integer({ min: 1, max: 9 })),
    remove: fc.boolean(),
  }),
  { maxLength: 40 },
)

test('a table of records is what was put last of each key, in order and by when it expires', () => {
  fc.assert(
    fc.property(commands, (list) => {
      const table = new RecordTable()
      const model = new Map<string, RecordRow>()
      list.forEach(({ key, aliases, expiresAt, remove }, version) => {
        const known = model.get(key)
        if (remove) {
          if (known === undefined) return
          table.remove(known.record)
          model.delete(key)
          return
        }
        const record = known?.record ?? table.rows.next()
        const row: RecordRow = { record, key, block: version, version, expiresAt, aliases }
        table.put(row)
        model.set(key, row)
      })
      const rows = [...model.values()].sort((one, other) => (one.key < other.key ? -1 : 1))
      for (const key of 'abcd') equal(table.find(key), model.get(key))
      deepEqual(
        [...table.from('')].filter(({ text, key }) => text === key).map(({ key }) => key),
        rows.map(({ key }) => key),
      )
      for (const alias of 'xy') equal(table.keyOf(alias), rows.find(({ aliases }) => aliases.includes(alias))?.key)
      const dues = rows.flatMap(({ expiresAt }) => expiresAt ?? []).sort((one, other) => one - other)
      equal(table.expiry.size, dues.length)
      for (const due of dues) {
        equal(table.expiry.firstDue, due)
        const { first } = table.expiry
        equal(table.rows.get(first)?.expiresAt, due)
        table.remove(first)
      }
    }),
  )
})
