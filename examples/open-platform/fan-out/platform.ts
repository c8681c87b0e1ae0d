// What the platform has: GitHub's webhooks as a source, and the topic on which they are kept for the apps.

import { forward, mapped, webhook } from 'posthorn/event'
import { topic } from 'posthorn'
import { github as githubProfile } from 'posthorn/webhooks'
import { z } from 'zod'
import { loadDeliveries } from '../payload.ts'

export const githubSecret = 'a-secret-that-github-knows-too'

/** Nothing is said of what is in it, so that all of it goes on in the order in which it came. */
const Payload = z.looseObject({})
const types: Record<string, typeof Payload> = Object.fromEntries(loadDeliveries(1).map(({ event }) => [event, Payload]))

const hooks = webhook('github', { profile: githubProfile, secrets: [githubSecret], events: types })

/** With the repository as what it is about, so that apps can filter by it, and so that each repository's events keep their order. */
const about = mapped(hooks, ({ type, data }) => {
  const { full_name: repository } = (data['repository'] ?? {}) as { readonly full_name?: string }
  return repository === undefined ? { type, data } : { type, data, subject: repository, key: repository }
})

export const events = topic('github', types)

export default [forward(about, events)]
