// The kinds of torture, and how much of each is much.

import { backupRound } from './backup.ts'
import { cutRound } from './cut.ts'
import { DAMAGE_KINDS, damageRound } from './damage.ts'
import { faultRound } from './fault.ts'
import { killRound } from './kill.ts'
import { oracleRound } from './oracle.ts'
import { repairRound } from './repair.ts'
import type { Round } from './round.ts'

export interface Kind {
  readonly name: string
  readonly round: Round
  /** What is counted, and how many of it make a long run. */
  readonly counted: string
  readonly many: number
}

const damage = (what: string): Kind => ({
  name: what.replace(' ', '-'),
  round: (seed, counts) => damageRound(what, seed, counts),
  counted: `${what} that mattered`,
  many: what === 'bit flips' ? 10_000 : 2_000,
})

export const KINDS: readonly Kind[] = [
  { name: 'cuts', round: cutRound, counted: 'power cuts', many: 6_000 },
  { name: 'oracle', round: oracleRound, counted: 'power cuts', many: 4_000 },
  ...DAMAGE_KINDS.map(damage),
  { name: 'repairs', round: repairRound, counted: 'repairs', many: 1_000 },
  { name: 'faults', round: faultRound, counted: 'commits confirmed', many: 100_000 },
  { name: 'backups', round: backupRound, counted: 'backups', many: 60 },
  { name: 'kills', round: killRound, counted: 'kills -9', many: 1_000 },
]
