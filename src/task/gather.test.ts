import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import type { Commit, CommitResult } from '../core/engine.ts'
import { Gatherer } from './gather.ts'

/** Answers each commit with its own id. */
function create(): { readonly gatherer: Gatherer; readonly calls: string[][] } {
  const calls: string[][] = []
  const commit = (commits: readonly Commit[]) => {
    calls.push(commits.map(({ id }) => id!))
    return Promise.resolve(commits.map(({ id }) => resultOf(id!)))
  }
  return { gatherer: new Gatherer({ commit }), calls }
}

const resultOf = (detail: string): CommitResult => ({ status: 'refused', code: 'full', at: 0, detail })

async function commit(gatherer: Gatherer, id: string): Promise<CommitResult | undefined> {
  const at = gatherer.add({ id, changes: [] })
  return (await gatherer.results)[at]
}

test('what is committed in one turn is one call, in order, and each gets its own answer', async () => {
  const { gatherer, calls } = create()
  const ids = ['a', 'b', 'c']
  deepEqual(await Promise.all(ids.map((id) => commit(gatherer, id))), ids.map(resultOf))
  deepEqual(await commit(gatherer, 'd'), resultOf('d'))
  deepEqual(calls, [ids, ['d']])
})

test('those who were answered together are gathered again', async () => {
  const { gatherer, calls } = create()
  const caller = async (name: string) => {
    for (const round of [1, 2, 3]) await commit(gatherer, `${name}${round}`)
  }
  await Promise.all([caller('a'), caller('b')])
  deepEqual(calls, [
    ['a1', 'b1'],
    ['a2', 'b2'],
    ['a3', 'b3'],
  ])
})

test('a call has at most fifty commits', async () => {
  const { gatherer, calls } = create()
  const ids = Array.from({ length: 125 }, (_, at) => `${at}`)
  deepEqual(await Promise.all(ids.map((id) => commit(gatherer, id))), ids.map(resultOf))
  deepEqual(
    calls.map(({ length }) => length),
    [50, 50, 25],
  )
})

test('a call has at most a mebibyte of bodies, or one commit', async () => {
  const { gatherer, calls } = create()
  const sizes = [300, 400, 500, 2_000, 1, 2]
  const put = async (id: string, size: number): Promise<CommitResult | undefined> => {
    const at = gatherer.add({ id, changes: [{ do: 'put', key: 'key', value: new Uint8Array(size << 10) }] })
    return (await gatherer.results)[at]
  }
  deepEqual(
    await Promise.all(sizes.map((size, at) => put(`${at}`, size))),
    ['0', '1', '2', '3', '4', '5'].map(resultOf),
  )
  deepEqual(calls, [['0', '1', '2'], ['3'], ['4', '5']])
})

test('a call has at most five hundred changes, and those of one commit more', async () => {
  const { gatherer, calls } = create()
  const removals = [200, 299, 400, 600, 1, 2]
  const remove = async (id: string, count: number): Promise<CommitResult | undefined> => {
    const at = gatherer.add({ id, changes: Array.from({ length: count }, () => ({ do: 'remove', key: 'key' })) })
    return (await gatherer.results)[at]
  }
  deepEqual(
    await Promise.all(removals.map((count, at) => remove(`${at}`, count))),
    ['0', '1', '2', '3', '4', '5'].map(resultOf),
  )
  deepEqual(calls, [['0', '1', '2'], ['3'], ['4', '5']])
})

test('a call that fails fails for all who are in it, and for nobody after', async () => {
  let calls = 0
  const gatherer = new Gatherer({
    async commit(commits) {
      if (++calls === 1) throw new Error('away')
      return commits.map(({ id }) => resultOf(id!))
    },
  })
  await Promise.all(['a', 'b'].map((id) => rejects(commit(gatherer, id), { message: 'away' })))
  equal((await commit(gatherer, 'c'))?.status, 'refused')
})
