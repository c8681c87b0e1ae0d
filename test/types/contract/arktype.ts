// Contracts with ArkType.
import { type } from 'arktype'
import { queue, task } from 'posthorn'

export const resize = task('resize', {
  input: type({ id: 'string', owner: 'string', taken: 'string.date.iso.parse' }),
  output: type({ url: 'string', width: 'string.numeric.parse' }),
  errors: { too_big: type({ limit: 'number' }) },
  key: (photo) => photo.owner,
  dedupe: (photo) => `${photo.id}@${photo.taken.getTime()}`,
})
export const inbox = queue('inbox', { data: type({ raw: 'string' }), key: (mail) => mail.raw })
