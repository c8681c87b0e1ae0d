// What exists. Who sends, who handles and who serves share this file.

import { task } from 'posthorn'
import { z } from 'zod'

export const measure = task('measure', {
  input: z.object({ text: z.string() }),
  output: z.object({ words: z.number() }),
  errors: { empty: z.object({ hint: z.string() }) },
})

/** Told when a measurement has succeeded. */
export const measured = task('measured', {
  input: z.object({ id: z.string(), output: z.object({ words: z.number() }) }),
})

/** Told when it has failed, was cancelled or has expired. */
export const unmeasured = task('unmeasured', {
  input: z.object({ id: z.string(), error: z.object({ code: z.string(), data: z.json().optional() }) }),
})
