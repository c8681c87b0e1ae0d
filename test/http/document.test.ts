// What docs/reference says of errors and routes is what the code does.

import { deepEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ERRORS, toProblem, type ErrorCode } from '../../src/core/error.ts'
import { DEFAULT_LIMITS } from '../../src/server/limit.ts'
import { startServer } from './server/client.ts'

const read = (name: string) => readFileSync(join(import.meta.dirname, '../../docs/reference', name), 'utf8')

test('the table of errors lists every code with its status and title, in order', () => {
  const rows = [...read('errors.md').matchAll(/^\| `([a-z-]+)` \| (\d{3}) \| (yes|no) \| (.+) \|$/gm)]
  deepEqual(
    rows.map(([, code, status, again, title]) => [code, Number(status), again === 'yes', title]),
    Object.entries(ERRORS).map(([code, { status, retryable, title }]) => [code, status, retryable, title]),
  )
})

test('every code makes a problem of its own type', () => {
  const types = (Object.keys(ERRORS) as ErrorCode[]).map((code) => toProblem(code, 'x').type)
  deepEqual(new Set(types).size, types.length)
})

test('the page on HTTP names every route, and none that there is not', async () => {
  await using server = await startServer()
  const { json } = await server.call('GET', '/openapi.json')
  const routes = Object.entries(json.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const named = [...read('http.md').matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/[^\s`?]*)/g)].map(
    ([, method, path]) => `${method} ${path}`,
  )
  deepEqual([...new Set(named)].sort(), [...routes].sort())
})

test('the limits on the page are the defaults', () => {
  const text = read('http.md').split('### Limits')[1]!.split('\n## ')[0]!
  const { bodyBytes, bodyMs, headersMs, headersBytes, connections, answers } = DEFAULT_LIMITS
  const rows = [...text.matchAll(/^\| `(\w+)` \| ([\d,]+) /gm)].map(([, name, value]) => [
    name,
    Number(value!.replaceAll(',', '')),
  ])
  deepEqual(Object.fromEntries(rows), { bodyBytes, bodyMs, headersMs, headersBytes, connections, answers })
})
