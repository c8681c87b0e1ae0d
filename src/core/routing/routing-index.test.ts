import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { seedOfRun } from '../../../test/seed.ts'
import { compileFilters, compileTypes, type Filter } from '../filter.ts'
import { RoutingIndex, type Wishes } from './routing-index.ts'

const seed = seedOfRun()
const event = (type: string, more: Record<string, string | number | boolean> = {}) => ({
  id: '1',
  source: '/s',
  type,
  ...more,
})

const segment = fc.constantFrom('a', 'b', 'c')
const type = fc.array(fc.oneof({ weight: 9, arbitrary: segment }, fc.constant('')), { minLength: 1, maxLength: 5 })
const pattern = fc.array(fc.oneof(segment, fc.constantFrom('*', '**')), { minLength: 1, maxLength: 5 })
const texts = fc.dictionary(fc.constantFrom('subject', 'region', 'type'), fc.constantFrom('a', 'ab', 'abc', 'b', '1'), {
  minKeys: 1,
  maxKeys: 2,
})
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    texts.map((exact) => ({ exact })),
    texts.map((prefix) => ({ prefix })),
    texts.map((suffix) => ({ suffix })),
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
    tie('filter').map((not) => ({ not })),
  ),
}))
const wishes: fc.Arbitrary<Wishes> = fc.record({
  types: fc.array(
    pattern.map((segments) => segments.join('.')),
    { maxLength: 3 },
  ),
  filters: fc.array(filter, { maxLength: 2 }),
})
const events = fc.record({
  type: type.map((segments) => segments.join('.')),
  more: fc.dictionary(fc.constantFrom('subject', 'region'), fc.constantFrom<string | number>('a', 'abc', 'ba', 'b', 1)),
})

test(`whoever wants an event is found, by types as compileTypes has them, once (seed ${seed})`, () => {
  fc.assert(
    fc.property(
      fc.array(wishes, { maxLength: 12 }),
      fc.array(events, { maxLength: 6 }),
      fc.nat(),
      (all, given, cut) => {
        const index = new RoutingIndex<number>()
        // With many patterns what they find is kept.
        const fill = cut % 2 === 0 ? [] : Array.from({ length: 20 }, (_, n) => 1_000 + n)
        for (const at of fill) index.add(at, { types: [`more${at}.*`], filters: [] })
        // What was found before is found anew after each change.
        const look = (): void => given.forEach(({ type: name, more }) => index.find(event(name, more)))
        all.forEach((each, at) => {
          look()
          index.add(at, each)
        })
        look()
        const gone = all.flatMap((_, at) => (at % 3 === cut % 3 ? [at] : []))
        for (const at of gone) index.delete(at)
        for (const { type: name, more } of given) {
          const asked = event(name, more)
          const found = index.find(asked)
          equal(new Set(found).size, found.length)
          const passes = (at: number) => compileFilters(all[at]!.filters)(asked)
          const wanted = all.flatMap((each, at) =>
            !gone.includes(at) && compileTypes(each.types)(name) && passes(at) ? [at] : [],
          )
          deepEqual(found.filter(passes).toSorted(), wanted.toSorted())
          ok(found.every((at) => compileTypes(all[at]!.types)(name)))
        }
        for (const at of [...all.keys(), ...fill]) index.delete(at)
        equal(index.size, 0)
        for (const { type: name, more } of given) deepEqual(index.find(event(name, more)), [])
      },
    ),
    { seed, numRuns: 500 },
  )
})

test('those that cannot want an event are not found, by type, by pattern, by attribute', () => {
  const index = new RoutingIndex<string>()
  for (let n = 0; n < 1_000; n++) {
    index.add(`type ${n}`, { types: [`a.t${n}`], filters: [] })
    index.add(`pattern ${n}`, { types: [`p${n}.*`, `**.q${n}`], filters: [] })
    index.add(`exact ${n}`, {
      types: [],
      filters: [{ all: [{ not: { exact: { x: 'y' } } }, { exact: { subject: `${n}` } }] }],
    })
    index.add(`prefix ${n}`, { types: ['**'], filters: [{ prefix: { subject: `p/${n}/` } }] })
    index.add(`suffix ${n}`, { types: ['**'], filters: [{ suffix: { subject: `/s${n}` } }] })
    index.add(`any ${n}`, { types: ['a.*'], filters: [{ any: [{ exact: { n: `${n}` } }, { exact: { m: `${n}` } }] }] })
  }
  deepEqual(index.find(event('a.t7')), ['type 7'])
  deepEqual(index.find(event('p7.x')), ['pattern 7'])
  deepEqual(index.find(event('p7.q7')), ['pattern 7'])
  deepEqual(index.find(event('x.y.q7')), ['pattern 7'])
  deepEqual(index.find(event('x', { subject: 7 })), ['exact 7'])
  deepEqual(index.find(event('x', { subject: 'p/7/s7' })).toSorted(), ['prefix 7', 'suffix 7'])
  deepEqual(index.find(event('a.x', { n: '7', m: '7' })), ['any 7'])
  deepEqual(index.find(event('b.x', { n: '7', m: '7' })), [])
})

test('a dozen ** keep no event busy', () => {
  const index = new RoutingIndex<number>()
  index.add(1, { types: [Array.from({ length: 12 }, () => '**.a').join('.') + '.b'], filters: [] })
  deepEqual(index.find(event(Array.from({ length: 120 }, () => 'a').join('.'))), [])
})

test('many indexes of a few patterns keep no more for each type that they are asked for', () => {
  const index = new RoutingIndex<number>()
  const texts = Array.from({ length: 500 }, (_, n) => `${n}`)
  for (const [at, text] of texts.entries()) index.add(at, { types: ['a.*'], filters: [{ exact: { subject: text } }] })
  const ask = (types: number): void => {
    for (let n = 0; n < types; n++)
      for (const [at, subject] of texts.entries()) deepEqual(index.find(event(`a.t${n}`, { subject })), [at])
  }
  ask(1)
  const before = heapUsed()
  ask(200)
  const grown = heapUsed() - before
  ok(grown < 5 * 1_048_576, `${grown} bytes more`)
  deepEqual(index.find(event('a.t1', { subject: '7' })), [7])
})

/** After what is not needed has been collected. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
