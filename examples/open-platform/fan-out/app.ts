// Three third-party apps: each wants other events, speaks another profile, and is trouble in its own way.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createNodeListener, github, standardWebhooks, stripe, type Verified } from 'posthorn/webhooks'
import { hash } from '../payload.ts'

export interface AppPlan {
  readonly name: string
  readonly trouble: string
  readonly profile: 'github' | 'standard-webhooks' | 'stripe'
  readonly types: readonly string[]
  /** Only of repositories whose name ends so. */
  readonly suffix?: string
  readonly isFlaky?: boolean
  readonly slowMs?: number
  readonly rotates?: boolean
}

export const plans: readonly AppPlan[] = [
  {
    name: 'builds',
    trouble: 'flaky: every fifth event fails once',
    profile: 'github',
    types: ['push', 'pull_request', 'check_run', 'check_suite', 'status', 'workflow_run', 'workflow_job'],
    isFlaky: true,
  },
  {
    name: 'board',
    trouble: 'slow: 100 ms an answer',
    profile: 'standard-webhooks',
    types: ['issues', 'issue_comment', 'label', 'milestone', 'project', 'project_card', 'project_column'],
    slowMs: 100,
  },
  {
    name: 'audit',
    trouble: 'rotates its secret in the middle',
    profile: 'stripe',
    types: [],
    suffix: '/Hello-World',
    rotates: true,
  },
]

/** Whether the app asked for it, said without Posthorn. */
export const wants = ({ types, suffix }: AppPlan, type: string, repository: string | undefined): boolean =>
  (types.length === 0 || types.includes(type)) && (suffix === undefined || repository?.endsWith(suffix) === true)

const profiles = { 'github': github, 'standard-webhooks': standardWebhooks, 'stripe': stripe } as const

/** One app's server: verifies each call, takes each event once, and keeps count. */
export class App {
  readonly plan: AppPlan
  /** Of the platform's: with it the app manages its own endpoint. */
  key = ''
  /** What was taken, by type and content, with when. */
  readonly taken: { readonly content: string; readonly atMs: number }[] = []
  calls = 0
  refused = 0
  #secrets: readonly string[] = []
  readonly #seen = new Set<string>()
  readonly #kept = new Set<string>()
  readonly #server: Server

  constructor(plan: AppPlan) {
    this.plan = plan
    this.#server = createServer((request, response) => {
      // Made anew for each call, because its secrets may have changed.
      const listener = createNodeListener({
        profile: profiles[plan.profile],
        secrets: this.#secrets,
        onEvent: (event) => this.#take(event),
        // What it fails it wants again in a second, and says so.
        retryAfterMs: 1_000,
        observe: ({ outcome }) => {
          this.calls++
          if (outcome === 'refused') this.refused++
        },
      })
      void listener(request, response)
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hooks`
  }

  /** The newest that it believes. */
  get secret(): string {
    return this.#secrets[0]!
  }

  /** From now on it believes these secrets and no others. */
  use(...secrets: readonly string[]): void {
    this.#secrets = [...secrets]
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #take(event: Verified): Promise<void> {
    const { isFlaky = false, slowMs = 0 } = this.plan
    if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs))
    const isNew = !this.#seen.has(event.id)
    this.#seen.add(event.id)
    if (isFlaky && isNew && this.#seen.size % 5 === 0) throw Object.assign(new Error('out of order'), { status: 500 })
    if (!this.#kept.has(event.id)) this.taken.push({ content: contentOf(this.plan, event), atMs: performance.now() })
    this.#kept.add(event.id)
  }
}

/** The event's type and a digest of its data, wherever the profile has them. */
function contentOf({ profile }: AppPlan, event: Verified): string {
  const body = event.json() as { readonly data?: { readonly object?: unknown } }
  const data = profile === 'github' ? body : profile === 'stripe' ? body.data?.object : body.data
  return `${event.type ?? (body as { readonly type?: string }).type ?? ''} ${hash(JSON.stringify(data))}`
}
