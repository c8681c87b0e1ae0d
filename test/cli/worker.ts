// The module that the tests of the command line give to `serve` and `work`.

import { handle, queue, task } from 'posthorn'
import { z } from 'zod'

const greet = task('greet', { input: z.object({ name: z.string() }), output: z.object({ text: z.string() }) })
const refuse = task('refuse', { input: z.object({}), retry: { attempts: 1 } })
const wait = task('wait', { input: z.object({}) })
const letters = queue('letters', { data: z.object({ text: z.string() }) })

export default [
  handle(greet, ({ name }) => ({ text: `Hello, ${name}` })),
  handle(refuse, (_input, ctx) => ctx.bury('nobody may do this')),
  // Runs until it is told to stop.
  handle(
    wait,
    (_input, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  ),
  handle(letters, () => {}),
]
