// The few calls of the HTTP API that the example's checks and its progress line need.

export interface Depth {
  readonly ready: number
  readonly held: number
  readonly delayed: number
  readonly arrived: number
  readonly leased: number
  readonly dead: number
  readonly ended: { readonly acked: number }
}

export interface Stored {
  readonly id: string
  readonly state: string
  readonly reason: string | null
  readonly event: { readonly data_base64?: string; readonly [attribute: string]: unknown }
  readonly failures: readonly { readonly message: string }[]
}

const none: Depth = { ready: 0, held: 0, delayed: 0, arrived: 0, leased: 0, dead: 0, ended: { acked: 0 } }

export async function getDepth(server: string, queue: string): Promise<Depth> {
  const response = await fetch(new URL(`/v1/queues/${queue}`, server))
  return response.status === 404 ? none : await bodyOf<Depth>(response)
}

export const unfinished = ({ ready, held, delayed, arrived, leased }: Depth): number =>
  ready + held + delayed + arrived + leased

/** Every message of a queue in a state, without its body. */
export async function* browse(server: string, queue: string, state: string): AsyncGenerator<Stored> {
  for (let after: string | null = ''; after !== null;) {
    const url = new URL(`/v1/queues/${queue}/messages`, server)
    url.search = new URLSearchParams({ state, limit: '500', ...(after === '' ? {} : { after }) }).toString()
    const page: { readonly items: readonly Stored[]; readonly next: string | null } = await bodyOf(await fetch(url))
    yield* page.items
    after = page.next
  }
}

/** The body of a message as it is stored, byte for byte. */
export async function getBody(server: string, queue: string, id: string): Promise<Buffer> {
  const message = await bodyOf<Stored>(await fetch(new URL(`/v1/queues/${queue}/messages/${id}?data=base64`, server)))
  return Buffer.from(message.event.data_base64 ?? '', 'base64')
}

/** Calls a task and waits for its output. */
export async function callTask<Output>(server: string, task: string, input: unknown): Promise<Output> {
  const response = await fetch(new URL(`/v1/tasks/${task}`, server), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'prefer': 'wait=30' },
    body: JSON.stringify(input),
  })
  const { status, output, error } = await bodyOf<{
    readonly status: string
    readonly output: Output
    readonly error?: { readonly detail?: string }
  }>(response)
  if (status !== 'succeeded') throw new Error(`task ${task} is ${status}: ${error?.detail ?? ''}`)
  return output
}

async function bodyOf<T>(response: Response): Promise<T> {
  const body = (await response.json()) as T & { readonly detail?: string }
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${body.detail ?? ''}`)
  return body
}
