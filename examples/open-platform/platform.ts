// The processes of a run: starts them, knows where they are, ends them in order.

import { startProgram, startServer, type Child } from './child.ts'
import { loadDeliveries } from './payload.ts'
import { choosePort, freePort } from './port.ts'
import { readLines, type Received, type RunFolder, type Sent } from './run-folder.ts'

export interface Replayer {
  /** Deliveries that the server has confirmed, those of earlier runs too. */
  readonly sent: ReadonlySet<string>
  readonly total: number
  /** Whether it has ended. */
  readonly over: boolean
  readonly complaints: readonly string[]
}

export class Platform {
  serverUrl = ''
  receiverUrl = ''
  /** Operations that were called back, those of earlier runs too. */
  readonly calledBack = new Set<string>()
  readonly #folder: RunFolder
  readonly #children: Child[] = []

  constructor(folder: RunFolder) {
    this.#folder = folder
  }

  /** @returns its port */
  async startReceiver(port: number | undefined): Promise<number> {
    for (const { operation } of readLines<Received>(this.#folder.receivedFile)) this.calledBack.add(operation)
    const used = port ?? (await freePort())
    const child = startProgram('receiver', { data: this.#folder.path, port: String(used) })
    this.#children.push(child)
    child.onMessage(({ received }) => typeof received === 'string' && this.calledBack.add(received))
    await firstMessage(child, 'listening')
    this.receiverUrl = `http://127.0.0.1:${used}`
    return used
  }

  async startServer(askedPort: number | undefined): Promise<void> {
    const port = await choosePort(askedPort)
    const child = startServer({
      'engine': this.#folder.engineUrl,
      'port': String(port),
      'callback-allow': this.receiverUrl,
      // The three apps of the other half: on a database this process may be the one that calls them.
      'callback-allow-range': '127.0.0.0/8',
    })
    this.#children.push(child)
    this.serverUrl = String((await firstMessage(child, 'url'))['url'])
    child.onMessage(({ complaint }) => typeof complaint === 'string' && this.serverSays(complaint))
  }

  startReplayer(run: number, rate: number): Replayer {
    const sent = new Set(readLines<Sent>(this.#folder.sentFile).map(({ delivery }) => delivery))
    const total = sent.union(new Set(loadDeliveries(run).map(({ id }) => id))).size
    const replayer = { sent, total, over: false, complaints: [] as string[] }
    const child = startProgram('replay', {
      server: this.serverUrl,
      data: this.#folder.path,
      rate: String(rate),
      run: String(run),
      callback: `${this.receiverUrl}/ended`,
    })
    this.#children.push(child)
    child.onMessage(({ sent: delivery, complaint }) => {
      if (typeof delivery === 'string') sent.add(delivery)
      if (typeof complaint === 'string') replayer.complaints.push(complaint)
    })
    void child.ended.then(() => (replayer.over = true))
    return replayer
  }

  /** The replayer first, then the server, which may still call back while it stops, then the receiver. */
  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) await child.stop()
  }

  /** What it logs about single messages is meant to happen here: runs fail, and one message ends as a dead letter. */
  private serverSays(complaint: string): void {
    const { level, message, id } = JSON.parse(complaint) as {
      readonly level: string
      readonly message: string
      readonly id?: string
    }
    if (level === 'error' && id === undefined) console.error(`\nserver: ${message}`)
  }
}

/** Waits until the child says so; fails where it ends first, with what it complained about. */
function firstMessage(child: Child, field: string): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const complaints: string[] = []
    child.onMessage((message) => {
      if (field in message) resolve(message)
      else if (typeof message['complaint'] === 'string') complaints.push(message['complaint'])
    })
    void child.ended.then((how) =>
      reject(new Error(`the ${child.name} ended (${how}) before it was ready\n${complaints.join('\n')}`)),
    )
  })
}
