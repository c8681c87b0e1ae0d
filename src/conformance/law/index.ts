/** All cases, in the order of the laws. */
import type { Case } from '../case.ts'
import { allOrNothing } from './all-or-nothing.ts'
import { bounded } from './bounded.ts'
import { clockSafe } from './clock-safe.ts'
import { confirmedSurvives } from './confirmed-survives.ts'
import { conserved } from './conserved.ts'
import { counted } from './counted.ts'
import { dedupe } from './dedupe.ts'
import { ended } from './ended.ts'
import { gap } from './gap.ts'
import { hintsOptional } from './hints-optional.ts'
import { joined } from './joined.ts'
import { kept } from './kept.ts'
import { keyOrder } from './key-order.ts'
import { noStarvation } from './no-starvation.ts'
import { notAfter } from './not-after.ts'
import { notBefore } from './not-before.ts'
import { once } from './once.ts'
import { oneHolder } from './one-holder.ts'
import { routedLater } from './routed-later.ts'
import { routed } from './routed.ts'
import { staleIsInert } from './stale-is-inert.ts'
import { versioned } from './versioned.ts'
import { visible } from './visible.ts'

export const CASES: readonly Case[] = [
  ...confirmedSurvives,
  ...oneHolder,
  ...staleIsInert,
  ...allOrNothing,
  ...once,
  ...visible,
  ...conserved,
  ...notBefore,
  ...notAfter,
  ...keyOrder,
  ...counted,
  ...ended,
  ...dedupe,
  ...routed,
  ...routedLater,
  ...gap,
  ...noStarvation,
  ...hintsOptional,
  ...bounded,
  ...kept,
  ...versioned,
  ...clockSafe,
  ...joined,
]
