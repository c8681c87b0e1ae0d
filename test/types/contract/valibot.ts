// Contracts with Valibot.
import { queue, task } from 'posthorn'
import * as v from 'valibot'

export const resize = task('resize', {
  input: v.object({
    id: v.string(),
    owner: v.string(),
    taken: v.pipe(
      v.string(),
      v.isoTimestamp(),
      v.transform((text) => new Date(text)),
    ),
  }),
  output: v.object({ url: v.string(), width: v.pipe(v.union([v.string(), v.number()]), v.transform(Number)) }),
  errors: { too_big: v.object({ limit: v.number() }) },
  key: (photo) => photo.owner,
  dedupe: (photo) => `${photo.id}@${photo.taken.getTime()}`,
})
export const inbox = queue('inbox', { data: v.object({ raw: v.string() }), key: (mail) => mail.raw })
