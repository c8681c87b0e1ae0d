/**
 * What time alone decides: leases lapse, delays run out, messages and records expire, and what is kept is forgotten. A round moves a
 * bounded number; each thing happens at the moment at which it fell due, however late it is looked at.
 */
import type { Answer } from '../connection/driver.ts'
import { end } from '../decide/ending.ts'
import { feed, feedTouched } from '../decide/feed.ts'
import { enterLine } from '../decide/place.ts'
import { trimTopic } from '../decide/retained.ts'
import { giveBack } from '../decide/settle.ts'
import { seat } from '../decide/seat.ts'
import { trimFuller } from '../decide/trim.ts'
import { DEAD, DELAYED, DISCARDED, EXPIRED, LEASED, type Row } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { Agenda } from './agenda.ts'
import { keepHouse, planHouse } from './house.ts'

/** @param since engine time before which nothing can have happened that is found now */
export async function sweepRound(work: Work, since: number): Promise<void> {
  const { now, wall } = work
  const most = work.limits.sweep
  await seat(work)
  const agenda = new Agenda()
  const moment = (at: number, isWall: boolean): number => {
    const passed = isWall ? now - (wall - at) : at
    return passed > now ? Infinity : Math.max(passed, since)
  }
  const [leases, delays, wallDelays, expiries, wallExpiries, queues, topics, records, behind] = await Promise.all([
    work.query('due-leases', [now, most]),
    work.query('due-delays', [now, most]),
    work.query('due-wall-delays', [wall, most]),
    work.query('due-expiries', [now, most]),
    work.query('due-wall-expiries', [wall, most]),
    work.query('due-queues', [now, most]),
    work.query('due-topics', [now, most]),
    work.query('due-records', [wall, most]),
    work.query('behind', [most]),
  ])
  const plan = (row: Row): void => {
    const at = nextOf(row, moment)
    if (at === null || at > now) return
    agenda.add({
      at,
      run: async () => {
        if (nextOf(row, moment) !== at) return plan(row)
        await pass(work, row)
        plan(row)
      },
    })
  }
  for (const { rows } of [leases, delays, wallDelays, expiries, wallExpiries])
    for (const row of await adopt(work, rows)) plan(row)
  const dueQueues = work.adoptQueues(queues.rows)
  for (const queue of dueQueues) for (const row of await keepHouse(work, queue)) plan(row)
  for (const { topic } of topics.rows) {
    const due = await work.topic(topic as string)
    agenda.add({ at: clamp(due.houseAt ?? now, since, now), run: () => trimTopic(work, due) })
  }
  for (let item = agenda.next(); item !== undefined; item = agenda.next()) {
    work.undo.begin()
    work.now = item.at
    work.wall = wall - (now - item.at)
    await item.run()
    await trimFuller(work)
    await feedTouched(work)
  }
  work.now = now
  work.wall = wall
  for (const { key } of records.rows) await expireRecord(work, key as string)
  for (const { topic, name } of behind.rows) {
    const bound = (await work.topic(topic as string)).subscriptions.find(name as string)
    if (bound !== null) await feed(work, bound)
  }
  for (const queue of dueQueues) await planHouse(work, queue)
  await feedTouched(work)
}

/** The moment at which time alone does something to the message; null: never. */
function nextOf(row: Row, moment: (at: number, isWall: boolean) => number): number | null {
  if (row.isGone) return null
  const { deadMs } = row.queue.settings.keep
  if (row.state === DEAD) return deadMs === null ? null : moment(row.endedAt! + deadMs, false)
  if (row.state > DEAD) return null
  if (row.state === LEASED) return moment(row.until!, false)
  const expiry = row.expires === null ? Infinity : moment(row.expires, row.isWallExpires)
  const due = row.state === DELAYED ? moment(row.due!, row.isWallDue) : Infinity
  const at = Math.min(expiry, due)
  return at === Infinity ? null : at
}

/** What it does. */
async function pass(work: Work, row: Row): Promise<void> {
  if (row.state === DEAD) return end(work, row, DISCARDED, 'reported', row.reason)
  if (row.state === LEASED) return lapse(work, row)
  const isExpired = row.expires !== null && row.expires <= (row.isWallExpires ? work.wall : work.now)
  if (isExpired || row.state !== DELAYED) return end(work, row, EXPIRED, 'reported', null)
  await enterLine(work, row)
}

/** A lease is over: the message is ready again, or dead if that happened too often. Not a failure: nobody said so. */
async function lapse(work: Work, row: Row): Promise<void> {
  const lapses = row.acquired - row.failed - row.released
  if (lapses > row.queue.settings.maxLapses && !row.isCancelled) await end(work, row, DEAD, 'reported', 'lapsed')
  else await giveBack(work, row, { afterMs: 0 })
}

async function expireRecord(work: Work, key: string): Promise<void> {
  const record = await work.record(key)
  for (const text of [key, ...record.aliases]) work.hints.push({ key: text })
  work.undo.set(record, { isThere: false, aliases: [] })
}

async function adopt(work: Work, rows: Answer['rows']): Promise<readonly Row[]> {
  const unknown = new Set(rows.map(({ queue }) => queue as number).filter((number) => !work.queuesByNumber.has(number)))
  if (unknown.size > 0) work.adoptQueues((await work.query('load-queues', [[], [...unknown]])).rows)
  return work.adoptRows(rows, 'message')
}

const clamp = (at: number, least: number, most: number): number => Math.min(Math.max(at, least), most)
