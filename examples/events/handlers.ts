// What becomes of it: forwarded to topics, where it is durable, and handled. `posthorn serve handlers.ts` would run the same, and take
// GitHub's deliveries at POST /v1/sources/github.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { subscribe } from 'posthorn'
import { forward } from 'posthorn/event'
import { desk, files, folder, hooks, jobs, pushes, touched } from './contract.ts'

export default [
  forward(desk, jobs),
  forward(hooks, pushes),
  forward(touched, files),

  subscribe(jobs, 'billing', 'job.printed', async ({ data }) => console.log(`bill ${data.id}: ${data.pages} pages`)),
  subscribe(pushes, 'build', 'push', async ({ id, data }) => console.log(`build ${data.after} (delivery ${id})`)),
  subscribe(files, 'preview', 'file.touched', async ({ data }) => {
    const text = await readFile(join(folder, data.path), 'utf8')
    console.log(`preview of ${data.path}: ${text}`)
  }),
]
