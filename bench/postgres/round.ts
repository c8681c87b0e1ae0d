/** One round of one contestant at one work, in a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { percentiles } from '../measure.ts'
import { Run } from '../mode.ts'
import type { Plan } from '../option.ts'
import { create, type Name } from './contestant.ts'
import { Server, since } from './server.ts'

export interface Round {
  readonly name: Name
  readonly version: string
  readonly durability: string
  readonly rate: number
  readonly p50: number
  readonly p99: number
  /** Processor time for each message, in microseconds: of the process, and of the server (null where it cannot be read). */
  readonly cpuMicros: number
  readonly serverCpuMicros: number | null
  readonly walBytes: number
}

export async function inProcess(url: string, name: Name, plan: Plan): Promise<Round> {
  const args = [join(import.meta.dirname, 'main.ts'), '--url', url, '--only', JSON.stringify({ name, plan })]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`${name} failed`)
  return JSON.parse(out) as Round
}

export async function measure(url: string, name: Name, plan: Plan): Promise<Round> {
  const server = new Server(url)
  const schema = `posthorn_bench_${process.pid}`
  const contestant = await create(name, url, schema)
  try {
    await contestant.setUp()
    const run = new Run(contestant, plan)
    await run.fill()
    const before = await server.spent()
    const { count, elapsedMs, times, observed, all } = await run.measure()
    const { cpuMs, walBytes } = since(before, await server.spent())
    const { p50, p99 } = percentiles(times)
    return {
      name,
      version: contestant.version,
      durability: contestant.durability,
      rate: (count * 1_000) / elapsedMs,
      p50,
      p99,
      cpuMicros: (observed.cpuMs * 1_000) / count,
      // They count the warm-up as well.
      serverCpuMicros: cpuMs === null ? null : (cpuMs * 1_000) / all,
      walBytes: walBytes / all,
    }
  } finally {
    await contestant.tearDown()
    await server.drop(schema)
  }
}
