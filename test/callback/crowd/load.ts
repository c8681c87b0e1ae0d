// How much of the machine a run took, and how much others took beside it: delays that are measured on a machine that others use tell of those.

import { cpus } from 'node:os'

export interface Load {
  /** Of all processors, from 0 to 1. */
  readonly busyShare: number
  readonly othersShare: number
}

interface Times {
  readonly busyMs: number
  readonly allMs: number
}

/** Above these a run is not to be believed. */
const MOST = { busy: 0.85, others: 0.15 }

export function beginLoad(): (ownMs: number) => Load {
  const before = timesNow()
  return (ownMs) => {
    const now = timesNow()
    const allMs = Math.max(1, now.allMs - before.allMs)
    const busyMs = now.busyMs - before.busyMs
    return { busyShare: busyMs / allMs, othersShare: Math.max(0, busyMs - ownMs) / allMs }
  }
}

/** Of this process so far. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** `isAlone`: nothing but the run itself should be at work, as where there is no server of a database. */
export function isOverloaded({ busyShare, othersShare }: Load, isAlone: boolean): boolean {
  return busyShare > MOST.busy || (isAlone && othersShare > MOST.others)
}

export function loadText({ busyShare, othersShare }: Load): string {
  return `machine ${percent(busyShare)} busy, others ${percent(othersShare)}`
}

function timesNow(): Times {
  let [busyMs, allMs] = [0, 0]
  for (const { times } of cpus()) {
    const working = times.user + times.nice + times.sys + times.irq
    busyMs += working
    allMs += working + times.idle
  }
  return { busyMs, allMs }
}

const percent = (share: number): string => `${Math.round(share * 100)} %`
