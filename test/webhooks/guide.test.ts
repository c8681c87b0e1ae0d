// The programs of the guide, as they stand there, against a platform's own libraries.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import * as octokit from '@octokit/webhooks-methods'
import { Stripe } from 'stripe'
import { generateSecret, type Receiver, type Signer } from '../../src/webhooks/index.ts'

const root = dirname(dirname(import.meta.dirname))
const guide = readFileSync(join(root, 'docs/guides/receiving-callbacks.md'), 'utf8')
let folder = ''

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'posthorn-guide-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/posthorn'), 'junction')
  symlinkSync(join(root, 'node_modules/zod'), join(folder, 'node_modules/zod'), 'junction')
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  for (const [, file = '', program = ''] of guide.matchAll(/^`(\w+\.ts)`: .*\n\n```ts\n([^]*?)```/gm))
    writeFileSync(join(folder, file), program)
})
after(() => rmSync(folder, { recursive: true, force: true }))

async function load<Module>(file: string): Promise<Module> {
  return (await import(pathToFileURL(join(folder, file)).href)) as Module
}

test('the receiver stores once what comes twice, and refuses what was changed', async () => {
  const env = {
    ...process.env,
    PORT: String(await freePort()),
    WEBHOOK_SECRETS: `${generateSecret()} ${generateSecret()}`,
  }
  const receiver = spawn(process.execPath, ['receiver.ts'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const output = createInterface({ input: receiver.stdout })
  const closed = once(receiver, 'exit')
  try {
    const listening = Promise.withResolvers<void>()
    const done = Promise.withResolvers<void>()
    output.on('line', (line) => {
      lines.push(line.trim())
      if (line === 'listening') listening.resolve()
      if (lines.length === 5) done.resolve()
    })
    output.on('close', () =>
      [listening, done].forEach(({ reject }) => reject(new Error(`it ended: ${lines.join('\n')}`))),
    )
    done.promise.catch(() => undefined)
    await listening.promise
    const { stdout } = await promisify(execFile)(process.execPath, ['send.ts'], { cwd: folder, env, encoding: 'utf8' })
    const [first, second, third = ''] = stdout.split('\n')
    deepEqual([first?.trim(), second?.trim()], ['204', '204'])
    match(third, /^401 \{.*"detail":"1 signature of the request, tried with 2 secrets: none fits"/)
    await done.promise
    deepEqual(lines.toSorted(), [
      'accepted msg_1',
      'accepted msg_1',
      'handled order.paid',
      'listening',
      'refused - 1 signature of the request, tried with 2 secrets: none fits',
    ])
  } finally {
    receiver.kill()
    await closed
  }
})

test('the Fetch receiver takes what GitHub’s library signs, once', async () => {
  const { default: app, stored } = await load<{ default: { fetch: Receiver }; stored: string[] }>('fetch.ts')
  const body = '{"zen":"Keep it logically awesome."}'
  const headers = {
    'X-Hub-Signature-256': await octokit.sign('a secret of yours', body),
    'X-GitHub-Delivery': '72d3162e',
    'X-GitHub-Event': 'ping',
  }
  const post = () => app.fetch(new Request('http://x/', { method: 'POST', headers, body }))
  deepEqual([(await post()).status, (await post()).status, stored], [202, 202, ['ping 72d3162e']])
})

test('verify takes what Stripe’s library signs, with either secret', async () => {
  const { isFromStripe } = await load<{ isFromStripe: (headers: Headers, body: string) => Promise<boolean> }>(
    'verify.ts',
  )
  const { webhooks } = new Stripe('sk_test_nothing')
  const payload = '{"id":"evt_1","type":"charge.succeeded"}'
  for (const [secret, expected] of [
    ['whsec_new', true],
    ['whsec_old', true],
    ['whsec_other', false],
  ] as const) {
    const headers = new Headers({ 'Stripe-Signature': webhooks.generateTestHeaderString({ payload, secret }) })
    equal(await isFromStripe(headers, payload), expected)
  }
})

test('the profile of one’s own works', async () => {
  const { acme } = await load<{ acme: import('../../src/webhooks/index.ts').Profile }>('custom.ts')
  const { sign, verify } = await import('../../src/webhooks/index.ts')
  const signed = await sign({ id: 'e1', body: '{}' }, { profile: acme, secrets: ['old', 'new'] })
  match(signed.headers['x-acme-signature'] ?? '', /^t=\d+,v1=[0-9a-f]{64},v1=[0-9a-f]{64}$/)
  equal((await verify(signed, { profile: acme, secrets: 'new' })).id, 'e1')
})

test('published keys are followed', async () => {
  const keys = await load<{ published: object; sign: Signer; receiverFor(url: string): Receiver }>('keys.ts')
  const server = createServer((_, response) => response.end(JSON.stringify(keys.published)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const receiver = keys.receiverFor(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`)
    const { headers, body } = await keys.sign({ id: 'msg_1', body: '{}' })
    equal((await receiver(new Request('http://x/', { method: 'POST', headers, body }))).status, 204)
    equal((await receiver(new Request('http://x/', { method: 'POST', headers, body: '{ }' }))).status, 401)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('every profile and every error stands in the guide', async () => {
  const webhooks = await import('../../src/webhooks/index.ts')
  const profiles = Object.entries(webhooks).filter(([, value]) => typeof value === 'object' && 'signature' in value)
  ok(profiles.length >= 10)
  for (const [name] of profiles) ok(guide.includes(`\`${name}\``), name)
  const rows = guide.split('\n').filter((line) => line.startsWith('| `'))
  for (const [code, { status }] of Object.entries(webhooks.WEBHOOK_ERRORS))
    ok(
      rows.some((row) => row.includes(`\`${code}\``) && row.includes(`| ${status} |`)),
      code,
    )
})

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
