// Mistakes that users make. Each has a number, a name and one line; test/types.test.ts holds the first line of what the compiler
// says to the kept table in mistake.txt. Those marked "fine" are here to show that they are no mistakes.
import { type } from 'arktype'
import { handle, open, queue, task } from 'posthorn'
import { testPost } from 'posthorn/testing'
import * as v from 'valibot'
import { z } from 'zod'
import { inbox, nightly, notify, resize } from './contract/zod.ts'

const post = await open('memory:')
const photo = { id: '1', owner: 'me', taken: '2026-01-01T00:00:00Z' }

/*01 wrong input*/ await post.send(resize, { id: 1, owner: 'me', taken: 'x' })
/*02 missing input*/ await post.send(resize)
/*03 input missing a field*/ await post.send(resize, { id: '1', owner: 'me' })
/*04 input with a typo*/ await post.send(resize, { ...photo, ownr: 'me' })
/*05 parsed instead of wire form*/ await post.send(resize, { id: '1', owner: 'me', taken: new Date() })
/*06 input where none is taken*/ await post.send(nightly, { all: true })
/*07 bad duration*/ await post.send(nightly, undefined, { delay: '5 minutes' })
/*08 bad priority*/ await post.send(nightly, undefined, { priority: 12 })
/*09 option typo*/ await post.send(nightly, undefined, { dealy: '5m' })
/*10 maybe undefined is fine*/ await post.send(nightly, undefined, { key: process.env['X'] })
/*11 onSuccess takes another output*/ await post.send(nightly, undefined, { onSuccess: notify })
/*12 wrong data for a queue*/ await post.send(inbox, { raw: 7 })
/*13 a receipt has no result*/ await (await post.send(inbox, { raw: 'x' })).result()
/*14 a handler is no contract*/ await post.send(handle(nightly, async () => {}), undefined)
/*15 not awaited*/ post.send(nightly).result()
/*16 the output is typed*/ const width: string = (await (await post.send(resize, photo)).result()).width
/*17 an end is not always an output*/ const output = (await (await post.send(resize, photo)).ended()).output
/*18 error data need the code*/ const limit = await post.send(resize, photo).then((operation) => operation.ended()).then((end) => end.status === 'failed' && end.error.data.limit)
/*19 no such error code*/ const never = await post.send(resize, photo).then((operation) => operation.ended()).then((end) => end.status === 'failed' && end.error.code === 'too_bg')
/*20 a queue has no operations*/ post.operation(inbox, 'id')
/*21 an operation needs its id*/ post.operation(resize)

/*22 Date input*/ export const bad = task('bad', { input: z.object({ when: z.date() }) })
/*23 Map in a queue's data*/ export const map = queue('map', { data: z.map(z.string(), z.string()) })
/*24 bigint output*/ export const big = task('big', { output: z.bigint() })
/*25 not a schema*/ export const plain = task('plain', { input: { id: 'string' } })
/*26 a queue needs data*/ export const empty = queue('empty')
/*27 option typo in task*/ export const typo = task('typo', { input: z.string(), retires: { attempts: 3 } })
/*28 attempts as text*/ export const attempts = task('attempts', { retry: { attempts: '3' } })
/*29 unknown backoff*/ export const backoff = task('backoff', { retry: { backoff: { kind: 'linear' } } })
/*30 key of another type*/ export const key = task('key', { input: z.object({ id: z.number() }), key: (input) => input.id })
/*31 key of a field that is not there*/ export const field = task('field', { input: z.object({ id: z.string() }), key: (input) => input.owner })
/*32 timeout without a unit*/ export const timeout = task('timeout', { timeout: '30' })
/*33 errors are schemas*/ export const errors = task('errors', { errors: { too_big: 'too big' } })
/*34 upcasts are functions*/ export const upcast = task('upcast', { version: 2, upcast: { 1: 'id' } })
/*35 unknown pick*/ export const pick = queue('pick', { data: z.string(), queue: { pick: 'lifo' } })

/*36 wrong output*/ handle(resize, async () => ({ url: 3 }))
/*37 forgot return*/ handle(resize, async (input) => { input.owner })
/*38 output with a wrong field*/ handle(resize, async () => ({ url: 'https://x', width: true }))
/*39 value from a task without output*/ handle(nightly, async () => 7)
/*40 wrong parameter*/ handle(resize, async (input: { name: string }) => ({ url: input.name, width: 1 }))
/*41 unknown error code*/ handle(resize, async (input, ctx) => ctx.fail('too_bg', { limit: 1 }))
/*42 wrong error data*/ handle(resize, async (input, ctx) => ctx.fail('too_big', { max: 1 }))
/*43 a task without errors*/ handle(nightly, async (input, ctx) => ctx.fail('too_big', { limit: 1 }))
/*44 a held send has no result*/ handle(nightly, async (input, ctx) => { await ctx.send(nightly).result() })
/*45 snooze needs a time*/ handle(nightly, async (input, ctx) => ctx.snooze())
/*46 snooze for some time*/ handle(nightly, async (input, ctx) => ctx.snooze('soon'))
/*47 a record is JSON*/ handle(nightly, async (input, ctx) => ctx.put('seen', new Date()))
/*48 versions are opaque*/ handle(nightly, async (input, ctx) => ctx.put('seen', 1, { ifVersion: 1 }))
/*49 no record, no value*/ handle(nightly, async (input, ctx) => { (await ctx.get('seen')).value })
/*50 option typo in handle*/ handle(nightly, async () => {}, { concurency: 8 })
/*51 progress is a number*/ handle(nightly, async (input, ctx) => ctx.progress('half'))
/*52 a name is no contract*/ handle('resize', async () => {})
/*53 a queue's handler has no output*/ handle(inbox, async () => ({ ok: true }))
/*54 outcome not returned: fine here, told at run time*/ handle(nightly, async (input, ctx) => { ctx.retry({ after: '1m' }) })

/*55 worker not awaited*/ post.work([handle(nightly, async () => {})]).stop()
/*56 handlers come as a list*/ await post.work(handle(nightly, async () => {}))
/*57 the function form returns handlers*/ await post.work(async () => ({ handler: [] }))
/*58 held sends in a commit*/ await post.commit(async (fx) => { await fx.send(nightly).ended() })
/*59 a commit checks inputs too*/ await post.commit((fx) => { fx.send(resize, { id: '1' }) })
/*60 redrive option typo*/ await post.queue('task:resize').redrive({ dryrun: true })
/*61 no such state*/ await post.queue(inbox).browse({ state: 'waiting' })
/*62 a match by a time*/ await post.queue(inbox).redrive({ match: { before: 'yesterday' } })
/*63 a record's value*/ await post.records.put('k', new Map())
/*64 option typo in open*/ await open('memory:', { durabilty: 'disk' })
/*65 no such durability*/ await open('memory:', { durability: 'safe' })
/*66 grace in words*/ await post.close({ grace: 'a minute' })

const t = await testPost([handle(nightly, async () => {})])
/*67 perform checks the input*/ await t.perform(resize, { id: 1, owner: 'me', taken: 'x' })
/*68 what was sent is typed*/ const mail: number = t.sent(inbox)[0]!.input.raw
/*69 an outcome narrows*/ const width2 = (await t.perform(resize, photo)).output
/*70 the clock of a test takes durations*/ t.clock.advance('1 day')
/*71 Date input with Valibot*/ export const valibotDate = task('v', { input: v.object({ when: v.date() }) })
/*72 Date input with ArkType*/ export const arktypeDate = task('a', { input: type({ when: 'Date' }) })

export { limit, mail, never, output, width, width2 }
