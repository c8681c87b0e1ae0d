/** The thread that owns the database: opens it, and passes calls to the host and answers back until the last call is made. */
import { parentPort, workerData } from 'node:worker_threads'
import { nodeDriver } from '../driver/node-driver.ts'
import { toFault } from '../fault.ts'
import { Host } from '../host.ts'
import { bootOfMachine, machineTicks } from '../process/machine-clock.ts'
import type { Reply, Ticks } from '../wire/request.ts'
import { SharedBuffers, SharedReader } from './shared-buffers.ts'
import type { FromThread, ThreadOptions, ToThread } from './thread-link.ts'

/** What lives by another clock than the machine's is in no boot of it. */
const NO_BOOT = 'given'

function serve({ path, durability, limits, minFreeBytes, ticks }: ThreadOptions): void {
  const port = parentPort!
  const say = (message: FromThread): void => port.postMessage(message)
  const buffers = new SharedBuffers()
  const reader = new SharedReader()
  let given: Ticks | null = ticks
  const reply = ({ bytes, ...answer }: Reply): void => say({ reply: answer, shared: buffers.hand(bytes) })
  try {
    const host = new Host(
      {
        path,
        durability,
        limits,
        minFreeBytes,
        buffers,
        driver: nodeDriver,
        boot: given === null ? bootOfMachine() : NO_BOOT,
        ticks: () => given ?? machineTicks(),
        read: (bytes) => reader.close(bytes),
        closed: () => port.close(),
      },
      reply,
    )
    port.on('message', ({ shared, ticks: at }: ToThread) => {
      given = at
      host.receive({ bytes: reader.open(shared), ticks: at })
    })
    say({ opened: true })
  } catch (error) {
    say({ fault: toFault(error, path) })
  }
}

if (parentPort !== null && workerData !== null && typeof workerData === 'object') serve(workerData as ThreadOptions)
