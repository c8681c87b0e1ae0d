// The mutants: mistakes that an engine could make, as exact replacements of its real text, each with the law that must notice.

import type { Law } from '../../src/conformance/index.ts'

export interface Replacement {
  /** Under src/. */
  readonly file: string
  /** Must be there exactly once. */
  readonly from: string
  readonly to: string
}

export interface Mutant {
  readonly name: string
  readonly law: Law
  readonly subject: 'memory' | 'file'
  readonly replacements: readonly Replacement[]
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'lost fence check',
    law: 'stale-is-inert',
    subject: 'memory',
    replacements: [
      {
        file: 'engine/ledger/decide/token.ts',
        from: 'return isHeld ? slot : 0',
        to: 'return isHeld || chunk.state[row] === LEASED ? slot : 0',
      },
    ],
  },
  {
    name: 'skipped fsync',
    law: 'confirmed-survives',
    subject: 'file',
    replacements: [
      {
        file: 'engine/file/log/log.ts',
        from: 'await disk.sync([...files], folderChanged ? folder : undefined, isLone)',
        to: 'await (folderChanged ? disk.sync([...files], folder, isLone) : undefined)',
      },
    ],
  },
  {
    name: 'recovery off by one',
    law: 'confirmed-survives',
    subject: 'file',
    replacements: [
      {
        file: 'engine/file/recovery/replay.ts',
        from: 'for (let frame = next(); frame !== null; frame = next()) {',
        to: 'for (let frame = next(); frame !== null && reader.at(frame.next) !== null; frame = next()) {',
      },
    ],
  },
  {
    name: 'dedupe window from the last send',
    law: 'dedupe',
    subject: 'memory',
    replacements: [
      {
        file: 'engine/ledger/decide/send.ts',
        from: 'if (first !== undefined) return { id: first, duplicate: true }\n  const queue',
        to: `if (first !== undefined) {
    const { dedupeWindowMs } = desk.queue(queueName).settings
    if (message.dedupe !== undefined) desk.effects.deduped({ scope: 'queue', name: queueName, text: message.dedupe, id: first, until: desk.now + dedupeWindowMs })
    return { id: first, duplicate: true }
  }
  const queue`,
      },
    ],
  },
  {
    name: 'expiry ignored at lease',
    law: 'not-after',
    subject: 'memory',
    replacements: [
      { file: 'engine/ledger/decide/lease.ts', from: 'if (hasExpired(desk, slot)) {', to: 'if (slot < 0) {' },
    ],
  },
  {
    name: 'retry that loses key order',
    law: 'key-order',
    subject: 'memory',
    replacements: [
      {
        file: 'engine/ledger/decide/settle.ts',
        from: 'if (desk.isPast(delay)) enterLine(desk, slot, place)',
        to: `if (desk.isPast(delay)) {
    const line = headOf(desk, slot)
    if (line === 0) return enterLine(desk, slot, place)
    desk.effects.held(slot, desk.state.turn + 1)
    promote(desk, queueOf(desk, slot), line)
  }`,
      },
      {
        file: 'engine/ledger/decide/settle.ts',
        from: "import { enterLine } from './place.ts'",
        to: "import { enterLine, headOf, promote } from './place.ts'",
      },
    ],
  },
  {
    name: 'commit applied in part on refusal',
    law: 'all-or-nothing',
    subject: 'memory',
    replacements: [
      {
        file: 'engine/ledger/decide/commit.ts',
        from: '?? refusalOfChanges(desk, changes, isSettling)\n  if (refused !== null) return refused',
        to: `
  if (refused !== null) return refused
  for (const [at, change] of changes.entries()) {
    const refusal = refusalOfAny(desk, change, null, isSettling)
    if (refusal !== null) return refusedAt(at, refusal)
    if (at < changes.length - 1 && change.do === 'send') decideOneOf(desk, change)
  }`,
      },
    ],
  },
  {
    name: 'version reused after remove',
    law: 'versioned',
    subject: 'memory',
    replacements: [
      {
        file: 'engine/ledger/decide/decide-record.ts',
        from: 'const version = desk.nextVersion()',
        to: 'const version = (records.find(change.key)?.version ?? 0) + 1',
      },
    ],
  },
  {
    name: 'lapse counted as failure',
    law: 'counted',
    subject: 'memory',
    replacements: [
      {
        file: 'engine/ledger/time/sweep.ts',
        from: 'else giveBack(desk, slot, { afterMs: 0 }',
        to: 'else if (++chunk.failed[row]! > 0) giveBack(desk, slot, { afterMs: 0 }',
      },
    ],
  },
  {
    name: 'limit applied to settling commits',
    law: 'bounded',
    subject: 'memory',
    replacements: [
      {
        file: 'engine/ledger/decide/commit.ts',
        from: 'const isSettling = changes.some(isSettlement)',
        to: 'const isSettling = changes.length < 0 && changes.some(isSettlement)',
      },
    ],
  },
]
