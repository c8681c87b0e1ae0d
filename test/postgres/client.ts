// A session of its own, to look at what an engine has done and to do to it what others might.

import pg from 'pg'

export interface Client {
  connect(): Promise<unknown>
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>
  end(): Promise<void>
}

export async function connect(url: string): Promise<Client> {
  const { Client } = pg as {
    readonly Client: new (config: object) => Client & { on(event: string, listener: () => void): void }
  }
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect()
  return client
}
