// What is told in a small print shop, and what of it is kept. Sources are where events come from; topics are where they are kept.

import { topic } from 'posthorn'
import { fileChanges, mapped, source, tcpServer, timer, webhook } from 'posthorn/event'
import { github } from 'posthorn/webhooks'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

export const folder = mkdtempSync(join(tmpdir(), 'print-shop-'))
export const secret = 'a-secret-that-github-knows-too'

const Job = z.object({ id: z.string(), pages: z.number() })
const File = z.object({ path: z.string(), sizeBytes: z.number(), modifiedAt: z.string() })
const Push = z.object({ ref: z.string(), after: z.string() })

// Business: told by code. System: files and the clock. Network: what others deliver, and what printers say on their connections.
export const desk = source('desk', { 'job.taken': Job, 'job.printed': Job })
export const tray = fileChanges('tray', folder, { settle: '20ms' })
export const clock = timer('clock', { every: '50ms' })
export const hooks = webhook('github', { profile: github, secrets: [secret], events: { push: Push } })
export const printers = tcpServer('printers', { port: 0, message: z.object({ ink: z.number() }) })

/** Signal style: which file it is about, and nothing of what is in it. Who wants more fetches it. */
export const touched = mapped(tray, ({ type, data }) =>
  type === 'file.removed' ? null : { type: 'file.touched', data: { path: data.path }, key: data.path },
)

/** Event style: all that is to be known. */
export const jobs = topic('jobs', { 'job.taken': Job, 'job.printed': Job })
export const pushes = topic('pushes', { push: Push })
export const files = topic('files', { 'file.touched': z.object({ path: z.string() }), 'file.removed': File })
