/** The thread that owns the database: opens it, and passes calls to the host and answers back until the last call is made. */
import { parentPort, workerData } from 'node:worker_threads'
import { nodeDriver } from '../driver/node-driver.ts'
import { toFault } from '../fault.ts'
import { Host } from '../host.ts'
import { bootOfMachine, machineTicks } from '../machine-clock.ts'
import type { Post, Reply, Ticks } from '../request.ts'
import type { FromThread, ThreadOptions } from './thread-link.ts'

/** What lives by another clock than the machine's is in no boot of it. */
const NO_BOOT = 'given'

function serve({ path, durability, limits, ticks }: ThreadOptions): void {
  const port = parentPort!
  const say = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)
  let given: Ticks | null = ticks
  const reply = (answer: Reply): void => say({ reply: answer }, [answer.bytes.buffer as ArrayBuffer])
  try {
    const host = new Host(
      {
        path,
        durability,
        limits,
        driver: nodeDriver,
        boot: given === null ? bootOfMachine() : NO_BOOT,
        ticks: () => given ?? machineTicks(),
        closed: () => port.close(),
      },
      reply,
    )
    port.on('message', (post: Post) => {
      given = post.ticks
      host.receive(post)
    })
    say({ opened: true })
  } catch (error) {
    say({ fault: toFault(error, path) })
  }
}

if (parentPort !== null && workerData !== null && typeof workerData === 'object') serve(workerData as ThreadOptions)
