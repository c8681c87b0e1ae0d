// A session of its own, to look at what an engine has done and to do to it what others might.

import pg from 'pg'

export interface Client {
  on(event: 'notice', listener: (notice: { readonly message?: string | undefined }) => void): unknown
  connect(): Promise<unknown>
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>
  end(): Promise<void>
}

export async function connect(url: string): Promise<Client> {
  const { Client } = pg as {
    readonly Client: new (config: object) => Client & { on(event: 'error', listener: () => void): unknown }
  }
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect()
  return client
}
