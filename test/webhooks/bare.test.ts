// What is published for every runtime runs on what every runtime has: here without anything that is Node's own, and on others that
// are installed.

import { equal } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'

const entry = pathToFileURL(join(import.meta.dirname, '../../src/webhooks/index.ts')).href

/** Signs, verifies, opens and receives by every kind of cryptography that there is. */
const program = `
  const w = await import(${JSON.stringify(entry)})
  const pair = await w.generateKeyPair()
  const secret = w.generateSecret()
  const ids = []
  const options = { profile: w.standardWebhooks, secrets: [secret, pair.publicKey], onEvent: ({ id }) => void ids.push(id) }
  for (const one of [secret, pair.privateKey]) {
    const { headers, body } = await w.sign({ id: 'msg_' + ids.length, body: '{}' }, { profile: w.standardWebhooks, secrets: one })
    const send = (sent) => w.receive(new Request('http://x/', { method: 'POST', headers, body: sent }), options)
    const statuses = [(await send(body)).status, (await send(new TextEncoder().encode('{ }'))).status]
    if (statuses.join() !== '204,401') throw new Error(statuses.join())
  }
  const rsa = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['sign', 'verify'])
  const base64 = async (format, key) => btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.exportKey(format, key))))
  const [publicKey, privateKey] = [await base64('spki', rsa.publicKey), await base64('pkcs8', rsa.privateKey)]
  const cases = [
    [w.dingtalk, { token: 't', aesKey: '4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij', owner: 'o' }, '{"eventId":"d"}'],
    [w.feishu, { encryptKey: 'k' }, '{"uuid":"f"}'],
    [w.wechatPay, { publicKey, privateKey, apiKey: '0123456789abcdef0123456789abcdef' }, '{"id":"p","resource":{}}'],
    [w.alipay, { publicKey, privateKey }, 'notify_id=a'],
  ]
  for (const [profile, secrets, text] of cases) {
    const { headers, query, body } = await w.sign({ body: text }, { profile, secrets })
    ids.push((await w.verify({ headers, url: '/?' + new URLSearchParams(query), body }, { profile, secrets })).id)
  }
  console.log(ids.join())
`
const expected = 'msg_0,msg_1,d,f,p,a'

const stripped = `
  // Node makes these of its own things when they are first used.
  await new Response(new Request('http://x/', { method: 'POST', body: 'x' }).body).text()
  console.log('')
  for (const name of ['Buffer', 'process', 'global', 'require', 'setImmediate', 'clearImmediate']) delete globalThis[name]
  ${program}
`

let folder = ''
before(() => (folder = mkdtempSync(join(tmpdir(), 'posthorn-runtime-'))))
after(() => rmSync(folder, { recursive: true, force: true }))

const runtimes: [string, string, string[], string][] = [
  ['Node without Buffer, process and require', process.execPath, [], stripped],
  ['Deno', 'deno', ['run', '--no-config', '--no-lock', '--no-remote', '--allow-read'], program],
  ['Bun', 'bun', ['run'], program],
]

for (const [name, command, args, text] of runtimes) {
  const { error } = spawnSync(command, ['--version'], { stdio: 'ignore' })
  test(`it runs on ${name}`, { skip: error && `${name} is not installed` }, () => {
    const file = join(folder, `${name.split(' ')[0]}.mjs`)
    writeFileSync(file, text)
    const { stdout, stderr } = spawnSync(command, [...args, file], { encoding: 'utf8' })
    equal(stdout.trim(), expected, stderr)
  })
}
