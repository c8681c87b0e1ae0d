/** Who a process is, so that the lock of one that died is told from the lock of one that lives under the same number. */
import { readdirSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { isDiskError, type ProcessIdentity, type Processes } from './disk.ts'

export function nodeProcesses(): Processes {
  const self = { pid: process.pid, started: startOf(process.pid), host: hostname() }
  return {
    self,
    isRunning(other) {
      if (other.host !== self.host) return null
      if (!isAlive(other.pid) || isZombie(other.pid)) return false
      const started = startOf(other.pid)
      return started === '' || other.started === '' || started === other.started
    },
  }
}

/** Boot and start time in it (Linux); empty elsewhere. */
function startOf(pid: ProcessIdentity['pid']): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const started = fieldsOf(pid)[22 - 3]
    return started === undefined ? '' : `${boot}/${started}`
  } catch {
    return ''
  }
}

/** Fields of /proc/PID/stat from the third on (the state); none elsewhere than on Linux. */
function fieldsOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command (field 2) may hold spaces and brackets: fields are counted behind its last bracket. 22 is the start time.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

/**
 * Ended, and kept for a parent that may never ask how: process 1 of many containers does not. As long as another of its threads
 * lives, it is none: that may still be writing.
 */
function isZombie(pid: number): boolean {
  try {
    return /^[ZX]$/.test(fieldsOf(pid)[0] ?? '') && readdirSync(`/proc/${pid}/task`).length <= 1
  } catch {
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return !isDiskError(error, 'ESRCH')
  }
}
