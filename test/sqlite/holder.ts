// What a database says of shared content, against who holds it: messages with rows of their own, those in bundles, and kept events.

import { deepEqual } from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { Row } from '../../src/engine/sqlite/driver/driver.ts'
import { prepare } from '../../src/engine/sqlite/driver/node-driver.ts'
import { Bundle, BUNDLE, BUNDLE_CONTENT } from '../../src/engine/sqlite/state/bundle.ts'

/** Every content that is shared has as many holders as are counted, and nothing is stored that nobody has. */
export function assertHolders(file: string): void {
  const database = new DatabaseSync(file)
  try {
    const all = (sql: string): readonly Row[] => prepare(database, sql).all()
    const held = new Map<number, number>()
    const hold = (n: number | null): void => {
      if (n !== null) held.set(n, (held.get(n) ?? 0) + 1)
    }
    for (const table of ['message', 'retained']) for (const [n] of all(`select shared from ${table}`)) hold(n as number)
    for (const [n] of all('select n from bundle')) {
      const bundle = new Bundle(prepare(database, BUNDLE).first(n!)!)
      bundle.load(prepare(database, BUNDLE_CONTENT).first(n!)![0] as Uint8Array, () => new Uint8Array(0))
      for (let at = 0; at < bundle.size; at++) if (!bundle.isGone(at)) hold(bundle.content.sharedOf(at))
    }
    const counted = new Map(all('select n, holders from shared') as readonly (readonly [number, number])[])
    deepEqual(inOrder(counted), inOrder(held), 'as many holders as are counted')
    const large = all('select seq from message where content is null and shared is null').map(([seq]) => seq as number)
    const stored = all('select seq from content order by seq').map(([seq]) => seq)
    deepEqual(
      stored,
      [...large, ...held.keys()].toSorted((one, other) => one - other),
      'no content that nobody has',
    )
  } finally {
    database.close()
  }
}

const inOrder = (counts: ReadonlyMap<number, number>): readonly (readonly [number, number])[] =>
  [...counts].toSorted(([one], [other]) => one - other)
