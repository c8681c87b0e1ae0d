// Watches what an engine asks: each transaction that sees or changes what messages, records and topics are names the column of its era, so that a newer
// program can stop it (migration/migrate.ts).

import type { Connection, Statement } from '../../src/engine/postgres/connection/driver.ts'

/** Numbers, sessions, locks and processes: right or wrong in no schema. */
const HARMLESS = new Set(
  'register draw draw-queue hold keep-process find-gone tell at-work end-sessions lock find-fold join-state load-identity'.split(
    ' ',
  ),
)

export function eraWatch(): { readonly watch: (connection: Connection) => Connection; readonly strays: Set<string> } {
  const strays = new Set<string>()
  const watch = (connection: Connection): Connection => {
    /** Of the transaction that is open; null: none is. */
    let asked: Statement[] | null = null
    const check = (some: readonly Statement[]): void => {
      const names = some.flatMap(({ name }) => (name === null ? [] : [name.replace('posthorn ', '')]))
      const isGuarded = some.some(({ text }) => /\bera_\d/.test(text))
      if (!isGuarded && names.some((name) => !HARMLESS.has(name))) strays.add(names.join(', '))
    }
    return {
      ...connection,
      query: (statement, values) => {
        const { text } = statement
        if (text.startsWith('begin')) asked = []
        else if (text === 'commit') {
          check(asked ?? [])
          asked = null
        } else if (text === 'rollback') asked = null
        else if (asked === null) check([statement])
        else asked.push(statement)
        return connection.query(statement, values)
      },
    }
  }
  return { watch, strays }
}
