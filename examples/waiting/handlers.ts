// What is done about it. `posthorn serve handlers.ts` would run the same.

import { handle } from 'posthorn'
import { measure, measured, unmeasured } from './contract.ts'

export default [
  handle(measure, async ({ text }, ctx) => {
    if (text === '') return ctx.fail('empty', { hint: 'write something' })
    return { words: text.split(/\s+/).length }
  }),
  handle(measured, async ({ output }) => {
    console.log(`2. told by a durable message: ${output.words} words`)
  }),
  handle(unmeasured, async ({ error }) => {
    console.log(`2. told by a durable message: failed as '${error.code}'`)
  }),
]
