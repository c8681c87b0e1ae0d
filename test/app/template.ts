// What requests of apps are made of: names and texts that both use, and what either was told before.

import fc from 'fast-check'
import type { Asked } from './world.ts'

/** Something that an app was told before, by its number among those of its kind; of the other app: stolen. */
export interface Known {
  readonly kind: 'id' | 'token' | 'next' | 'etag' | 'position'
  readonly at: number
  readonly stolen: boolean
}

/** A request in which `{kind}` stands for what is known. */
export interface Template extends Asked {
  readonly known: readonly Known[]
}

export const topic = fc.constantFrom('orders', 'news')
export const number = fc.integer({ min: 0, max: 9 })
/** Ids that both may choose. */
const CHOSEN = ['019b76da-a800-7c12-9d3e-0123456789ab', '019b76da-a800-7c12-9d3e-0123456789ac']
export const chosen = fc.constantFrom(...CHOSEN)
export const known = (kind: Known['kind']): fc.Arbitrary<Known> =>
  fc.record({ kind: fc.constant(kind), at: fc.nat(5), stolen: fc.boolean() })

const attributes = fc.record(
  {
    'posthorn-priority': fc.constantFrom('0', '4', '9'),
    'posthorn-key': fc.constantFrom('k1', 'k2', 'app:acme:k1'),
    'posthorn-dedupe': fc.constantFrom('d1', 'd2', 'app:beta:d1'),
    'posthorn-group': fc.constantFrom('acme', 'beta', 'other'),
    'posthorn-delay': fc.constantFrom('1s', '1m'),
    'posthorn-expires': fc.constantFrom('30s', '5m'),
    'idempotency-key': fc.constantFrom('i1', 'i2', 'i3'),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Record<string, string>>

/** Most have none, so that what is sent is there to be had. */
export const delivery = fc.oneof({ weight: 2, arbitrary: fc.constant<Record<string, string>>({}) }, attributes)

export const template = (
  arbitrary: fc.Arbitrary<Asked>,
  ...wants: readonly fc.Arbitrary<Known>[]
): fc.Arbitrary<Template> =>
  fc.tuple(arbitrary, fc.tuple(...wants)).map(([asked, of]) => ({ ...asked, known: of as readonly Known[] }))

export const get = (path: fc.Arbitrary<string>): fc.Arbitrary<Asked> =>
  path.map((each) => ({ method: 'GET', path: each }))
