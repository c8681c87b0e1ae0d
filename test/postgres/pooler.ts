// A small pooler in transaction mode: many clients share a few sessions, and after each transaction the next goes to another session. Whoever
// keeps something in a session loses it. It lets everybody in, and the server must let it in without a password.

import { connect as dial, createServer, type Socket } from 'node:net'

export interface Pooler {
  readonly url: string
  /** Transactions that each session has had. */
  readonly transactions: readonly number[]
  close(): Promise<void>
}

interface Session {
  readonly number: number
  readonly socket: Socket
  client: Client | null
}

interface Client {
  readonly socket: Socket
  readonly waiting: Buffer[]
  session: Session | null
  /** Answers that are owed: one for each query and each sync. */
  owed: number
}

const PROTOCOL = 196_608
const INTEGER = 4

export async function startPooler(url: string, size: number): Promise<Pooler> {
  const { hostname, pathname, port, username } = new URL(url)
  const transactions = Array.from({ length: size }, () => 0)
  const free: Session[] = []
  const queue: Client[] = []
  const sockets = new Set<Socket>()

  const serve = (): void => {
    for (let client = queue[0]; client !== undefined && free.length > 0; client = queue[0]) {
      queue.shift()
      const session = free.shift()!
      session.client = client
      client.session = session
      transactions[session.number]!++
      for (const message of client.waiting.splice(0)) session.socket.write(message)
    }
  }
  const release = (session: Session): void => {
    if (session.client !== null) session.client.session = null
    session.client = null
    free.push(session)
    serve()
  }
  const fromServer = (session: Session, kind: string, message: Buffer): void => {
    const { client } = session
    if (client === null) return
    client.socket.write(message)
    if (kind !== 'Z') return
    client.owed--
    const isIdle = message.toString('latin1', 1 + INTEGER) === 'I'
    if (isIdle && client.owed === 0) release(session)
  }
  const fromClient = (client: Client, kind: string, message: Buffer): void => {
    if (kind === 'X') return void client.socket.end()
    if (kind === 'Q' || kind === 'S') client.owed++
    if (client.session !== null) return void client.session.socket.write(message)
    client.waiting.push(message)
    if (!queue.includes(client)) queue.push(client)
    serve()
  }

  const target = { host: hostname, port: Number(port || 5432) }
  const startup = startupMessage({ user: decodeURIComponent(username), database: pathname.slice(1) })
  const opening = Array.from({ length: size }, (_, number) => {
    const session: Session = { number, socket: dial(target), client: null }
    sockets.add(session.socket)
    session.socket.on('error', () => {}).write(startup)
    return new Promise<void>((resolve) => {
      let isReady = false
      session.socket.on(
        'data',
        messages((kind, message) => {
          if (isReady) return fromServer(session, kind, message)
          if (kind !== 'Z') return
          isReady = true
          resolve()
          release(session)
        }),
      )
    })
  })
  await Promise.all(opening)

  const server = createServer((socket) => {
    const client: Client = { socket, waiting: [], session: null, owed: 0 }
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', [0]), message('Z', 'I')]))
      socket.on(
        'data',
        messages((kind, bytes) => fromClient(client, kind, bytes)),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const near = new URL(url)
  near.hostname = '127.0.0.1'
  near.port = String((server.address() as { readonly port: number }).port)
  return {
    url: near.href,
    transactions,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Cuts a stream into messages: a letter, a length that counts itself, and so much. */
function messages(each: (kind: string, message: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length > INTEGER) {
      const end = 1 + rest.readInt32BE(1)
      if (rest.length < end) return
      const whole = rest.subarray(0, end)
      rest = rest.subarray(end)
      each(String.fromCharCode(whole[0]!), whole)
    }
  }
}

function message(kind: string, content: readonly number[] | string): Buffer {
  const body = typeof content === 'string' ? Buffer.from(content) : Buffer.alloc(content.length * INTEGER)
  if (typeof content !== 'string') content.forEach((value, at) => body.writeInt32BE(value, at * INTEGER))
  const head = Buffer.alloc(1 + INTEGER)
  head.write(kind)
  head.writeInt32BE(INTEGER + body.length, 1)
  return Buffer.concat([head, body])
}

function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const text = `${Object.entries(parameters)
    .map(([name, value]) => `${name}\0${value}\0`)
    .join('')}\0`
  const body = Buffer.from(text)
  const head = Buffer.alloc(2 * INTEGER)
  head.writeInt32BE(head.length + body.length, 0)
  head.writeInt32BE(PROTOCOL, INTEGER)
  return Buffer.concat([head, body])
}
