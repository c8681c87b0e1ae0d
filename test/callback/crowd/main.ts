/**
 * Many events to 100 endpoints of which 10 are flaky, 5 dead and 5 slow: what the bad ones cost the healthy ones, by runs with and without
 * them, and a kill -9 of the sender in the middle.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCommandLine } from '../../command-line.ts'
import { connect } from '../../postgres/client.ts'
import { isOverloaded, loadText } from './load.ts'
import { runCrowd, type Crowd, type CrowdReport } from './run.ts'
import { newSchema } from '../../postgres/schema.ts'

const USAGE = `npm run test:callbacks -- [options]
  --engine A,B    of file, sqlite, postgres (default: file)
  --postgres URL  the server (default: postgres://postgres@127.0.0.1:5432/test)
  --events N      to each endpoint (default 1000)
  --rate N        events a second (default 10: a slow one answers no more)
  --part A,B      of cost, kill (default: both)
  --rounds N      of cost, with and without in turn (default 1)
Three rounds of cost in seven minutes, on a machine that does nothing else: --part cost --rounds 3 --events 700 --rate 10, on postgres --events 350 --rate 5`
const given = readCommandLine(USAGE, ['engine', 'postgres', 'events', 'rate', 'part', 'rounds'])
const engines = (given.engine ?? 'file').split(',')
const parts = (given.part ?? 'cost,kill').split(',')
const rounds = Number(given.rounds ?? 1)
const postgres = given.postgres ?? 'postgres://postgres@127.0.0.1:5432/test'
const shape = { healthy: 80, flaky: 10, dead: 5, slow: 5 }
const base = {
  events: Number(given.events ?? 1_000),
  rate: Number(given.rate ?? 10),
  slowMs: 1_000,
  patienceMs: 60_000,
}
let failed = false

for (const engine of engines) {
  console.log(`${engine}: ${base.events} events at ${base.rate} a second`)
  if (parts.includes('cost')) await tellCost(engine)
  if (parts.includes('kill')) tell('  with kill -9', await run(engine, { ...base, ...shape, kill: true }))
}
process.exitCode = failed ? 1 : 0

/** The two take turns, so that what else the machine does tells of neither. */
async function tellCost(engine: string): Promise<void> {
  const ratios: number[] = []
  let overloaded = 0
  for (let round = 0; round < rounds; round++) {
    const alone = await run(engine, { ...base, healthy: 80, flaky: 0, dead: 0, slow: 0, kill: false })
    tell('  80 healthy alone', alone)
    const among = await run(engine, { ...base, ...shape, kill: false })
    tell('  among 20 bad ones', among)
    ratios.push(among.p99Ms / alone.p99Ms)
    if ([alone, among].some(({ load }) => load !== null && isOverloaded(load, engine !== 'postgres'))) overloaded++
  }
  const sorted = ratios.toSorted((a, b) => a - b)
  const ratio = sorted[sorted.length >> 1]!
  console.log(
    `  p99 of the healthy ones among the bad: ${ratio.toFixed(2)} times that alone (median of ${ratios.map((each) => each.toFixed(2)).join(', ')}); at most 1.5 is wanted`,
  )
  if (overloaded > 0)
    console.log(
      `  ! the machine was overloaded, or others used it, in ${overloaded} of ${rounds} rounds: what they say is not to be believed`,
    )
}

function tell(what: string, report: CrowdReport): void {
  const { acknowledged, expected, doubled, missing, breaches, samples, p50Ms, p99Ms, perSecond, load } = report
  console.log(
    `${what}: ${acknowledged} of ${expected} acknowledged, ${doubled} doubled · publish to acknowledged p50 ${p50Ms} ms, p99 ${p99Ms} ms of ${samples} · ${perSecond}/s${load === null ? '' : ` · ${loadText(load)}`}`,
  )
  for (const each of [...missing, ...breaches].slice(0, 10)) console.log(`  ✗ ${each}`)
  failed ||= missing.length > 0 || breaches.length > 0
}

async function run(engine: string, crowd: Omit<Crowd, 'url'>): Promise<CrowdReport> {
  if (engine === 'postgres') {
    const schema = newSchema('crowd')
    const url = new URL(postgres)
    url.searchParams.set('schema', schema)
    try {
      return await runCrowd({ ...crowd, url: url.href })
    } finally {
      const client = await connect(postgres)
      await client.query(`drop schema if exists ${schema} cascade`)
      await client.end()
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-crowd-'))
  try {
    return await runCrowd({ ...crowd, url: `${engine}:${join(folder, 'engine')}` })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
