// A module that a test gives to `posthorn serve`: a platform's webhook, forwarded to a topic.

import { z } from 'zod'
import { forward, webhook } from '../../src/event/index.ts'
import { subscribe, topic } from '../../src/topic/index.ts'
import { github } from '../../src/webhooks/index.ts'

const push = z.object({ after: z.string() })
const pushes = topic('pushes', { push })
const hooks = webhook('github', { profile: github, secrets: ['a-secret-that-github-knows-too'], events: { push } })

export default [forward(hooks, pushes), subscribe(pushes, 'build', 'push', async () => {})]
