import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import { describeIssues, isSchema, validate, type Schema } from './schema.ts'

const libraries: Record<string, Schema> = {
  zod: z.object({ owner: z.string() }),
  valibot: v.object({ owner: v.string() }),
  arktype: type({ owner: 'string' }),
}

for (const [library, schema] of Object.entries(libraries)) {
  test(`${library} validates through Standard Schema, and its issues name the path`, async () => {
    assert.ok(isSchema(schema))
    assert.deepEqual(await validate(schema, { owner: 'me' }), { ok: true, value: { owner: 'me' } })
    const failed = await validate(schema, { owner: 1 })
    assert.ok(!failed.ok)
    assert.deepEqual(failed.issues[0]!.path, ['owner'])
    assert.match(describeIssues(failed.issues), /^owner: /)
  })
}

test('a validator that throws or rejects is a failed validation', async () => {
  const thrower: Schema = {
    '~standard': {
      version: 1,
      vendor: 'x',
      validate: () => {
        throw new Error('boom')
      },
    },
  }
  const rejecter: Schema = {
    '~standard': { version: 1, vendor: 'x', validate: () => Promise.reject(new Error('boom')) },
  }
  for (const schema of [thrower, rejecter])
    assert.deepEqual(await validate(schema, 1), { ok: false, issues: [{ message: 'boom', path: [] }] })
})
