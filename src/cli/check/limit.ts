/** What this process may use: open files, memory, processors. */
import { availableParallelism, totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { formatBytes, formatCount } from '../format.ts'
import type { Check } from './check.ts'

const NEEDED_NODE = 24
const FEW_FILES = 4_096
const LITTLE_BYTES = 512 * 1024 ** 2

export function checkNode(): Check {
  const { node } = process.versions
  const isRight = Number.parseInt(node, 10) >= NEEDED_NODE
  return {
    name: 'Node',
    verdict: isRight ? 'ok' : 'wrong',
    found: `${node}, ${process.platform} ${process.arch}`,
    meaning: isRight ? [] : [`Posthorn needs Node ${NEEDED_NODE} or later: https://nodejs.org`],
    facts: { version: node, platform: process.platform, arch: process.arch },
  }
}

export function checkFiles(): Check {
  const { soft, hard } = openFiles()
  const isFew = typeof soft === 'number' && soft < FEW_FILES
  return {
    name: 'Open files',
    verdict: isFew ? 'note' : 'ok',
    found: `${shown(soft)} at most${hard === soft ? '' : `, ${shown(hard)} if asked for`}`,
    meaning: isFew
      ? [`Every connection takes one: raise it for a busy server (ulimit -n ${FEW_FILES}; systemd: LimitNOFILE=).`]
      : [],
    facts: { soft, hard },
  }
}

export function checkMemory(): Check {
  const heapBytes = getHeapStatistics().heap_size_limit
  const machineBytes = totalmem()
  const constrained = process.constrainedMemory()
  const isContained = constrained > 0 && constrained < machineBytes
  const mostBytes = isContained ? constrained : machineBytes
  const isLittle = mostBytes < LITTLE_BYTES
  const isTight = heapBytes > mostBytes
  return {
    name: 'Memory',
    verdict: isLittle || isTight ? 'note' : 'ok',
    found: `${formatBytes(mostBytes)}${isContained ? ' (limit of the container)' : ''}, ${formatBytes(process.availableMemory())} available, heap up to ${formatBytes(heapBytes)}, ${availableParallelism()} processors`,
    meaning: [
      ...(isLittle ? ['A million waiting messages take about 200 MiB beside what the program itself takes.'] : []),
      ...(isTight
        ? ['Node would use more than there is before it tidies up: set NODE_OPTIONS=--max-old-space-size.']
        : []),
    ],
    facts: {
      limitBytes: mostBytes,
      availableBytes: process.availableMemory(),
      heapBytes,
      processors: availableParallelism(),
    },
  }
}

interface Bound {
  readonly soft: number | string | null
  readonly hard: number | string | null
}

function openFiles(): Bound {
  const report = process.report?.getReport() as { readonly userLimits?: { readonly open_files?: Bound } } | undefined
  return report?.userLimits?.open_files ?? { soft: null, hard: null }
}

const shown = (bound: number | string | null): string =>
  bound === null ? 'not known' : typeof bound === 'number' ? formatCount(bound) : bound
