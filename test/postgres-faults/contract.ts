// What is sent under fault: work that may have a key, and what is left of it when it is done.

import { queue, task } from 'posthorn'
import { z } from 'zod'

export const work = task('work', {
  input: z.object({ n: z.number(), key: z.string().nullable() }),
  retry: { attempts: 1_000, backoff: { kind: 'fixed', base: '20ms', jitter: 'none' } },
  key: ({ key }) => key ?? undefined,
  queue: { maxLapses: 100 },
})

/** Nobody takes it: there is one for each that was handled, if all is well. */
export const done = queue('done', { data: z.object({ n: z.number() }) })
