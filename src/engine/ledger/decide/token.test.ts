import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { LEASED, READY } from '../entries.ts'
import { CHUNK_MASK, Slots } from '../state/slots.ts'
import { heldBy, toToken } from './token.ts'

const number = fc.oneof(fc.integer({ min: 1, max: 2 ** 32 - 1 }), fc.integer({ min: 1, max: 40 }))

test('a token holds exactly the slot, hand-out and era of which it was made, and no other text holds anything', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      number,
      number,
      fc.string({ maxLength: 4 }),
      fc.nat(),
      (slot, era, handout, noise, at) => {
        const slots = new Slots()
        slots.reach(50)
        const chunk = slots.of(slot)
        const row = slot & CHUNK_MASK
        chunk.state[row] = LEASED
        chunk.next[row] = era
        chunk.write('handout', row, handout)
        const token = toToken(era, slot, handout)
        equal(heldBy(slots, token), slot)
        const place = at % (token.length + 1)
        const other = token.slice(0, place) + noise + token.slice(place + (at % 3))
        if (other !== token) equal(heldBy(slots, other), 0)
        for (const odd of [
          `0${token}`,
          `${token}.`,
          `${token} `,
          token.toUpperCase(),
          `.${token}`,
          token.replace('.', '.0'),
        ])
          if (odd !== token) equal(heldBy(slots, odd), 0)
        chunk.state[row] = READY
        equal(heldBy(slots, token), 0)
      },
    ),
    { numRuns: 500 },
  )
})
