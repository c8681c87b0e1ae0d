// What the killed worker and its judge share.

import { z } from 'zod'
import { queue, task } from '../../src/index.ts'

export const pay = task('pay', { input: z.object({ order: z.number() }) })
export const ship = queue('ship', { data: z.object({ order: z.number() }) })
