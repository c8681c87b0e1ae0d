import { doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { Telemetry } from '../runtime/telemetry.ts'
import { Metrics } from './metrics.ts'

const depth = {
  queue: 'inbox',
  arrived: 0,
  ready: 3,
  held: 0,
  delayed: 1,
  leased: 0,
  dead: 2,
  bytes: 9,
  oldestReadyAt: Date.UTC(2026, 0, 1) - 5_000,
  paused: false,
  ended: { acked: 0, expired: 0, cancelled: 0, discarded: 0 },
}

test('sends, runs and delays become counters and histograms per queue', async () => {
  const telemetry = new Telemetry()
  using metrics = new Metrics({
    telemetry,
    engine: { depth: async () => [depth] },
    clock: new ManualClock(Date.UTC(2026, 0, 1)),
  })
  telemetry.emit('sent', { target: 'inbox', count: 3, duplicates: 1, ms: 2, durability: 'disk' })
  telemetry.emit('ended', {
    queue: 'inbox',
    id: 'x',
    type: 't',
    group: null,
    attempt: 1,
    sendMs: 1,
    receiveMs: 20,
    processMs: 700,
    settleMs: 1,
    outcome: 'done',
    code: null,
  })
  telemetry.emit('lost', { queue: 'inbox', id: 'x', type: 't', group: null, attempt: 1, why: 'stale' })
  metrics.request('sendMessages', 202, 4)
  const text = await metrics.render()
  match(text, /^posthorn_sent_total\{queue="inbox"\} 3$/m)
  match(text, /^posthorn_duplicates_total\{queue="inbox"\} 1$/m)
  match(text, /^posthorn_runs_total\{queue="inbox",outcome="done"\} 1$/m)
  match(text, /^posthorn_leases_lost_total\{queue="inbox",why="stale"\} 1$/m)
  match(text, /^posthorn_send_seconds_bucket\{queue="inbox",le="0.001"\} 0$/m)
  match(text, /^posthorn_send_seconds_bucket\{queue="inbox",le="0.0025"\} 3$/m)
  match(text, /^posthorn_receive_seconds_count\{queue="inbox"\} 1$/m)
  match(text, /^posthorn_process_seconds_sum\{queue="inbox"\} 0.7$/m)
  match(text, /^posthorn_process_seconds_bucket\{queue="inbox",le="\+Inf"\} 1$/m)
  match(text, /^posthorn_http_requests_total\{operation="sendMessages",status="202"\} 1$/m)
  match(text, /^posthorn_queue_messages\{queue="inbox",state="dead"\} 2$/m)
  match(text, /^posthorn_queue_oldest_ready_seconds\{queue="inbox"\} 5$/m)
  for (const line of text.trimEnd().split('\n'))
    ok(/^# (HELP|TYPE) \S+ .+$|^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [\d.e+-]+$/.test(line), line)
})

test('only so many queues are told apart', async () => {
  const telemetry = new Telemetry()
  const metrics = new Metrics({ telemetry, engine: { depth: async () => [] }, clock: new ManualClock(), mostQueues: 2 })
  for (const target of ['a', 'b', 'c', 'd', 'a'])
    telemetry.emit('sent', { target, count: 1, duplicates: 0, ms: 1, durability: 'memory' })
  match(await metrics.render(), /^posthorn_sent_total\{queue="other"\} 2$/m)
  metrics[Symbol.dispose]()
  equal(telemetry.wants('sent'), false)
})

test('a queue is shown with what was counted of it alone', async () => {
  const telemetry = new Telemetry()
  using metrics = new Metrics({ telemetry, engine: { depth: async () => [] }, clock: new ManualClock() })
  telemetry.emit('sent', { target: 'inbox', count: 1, duplicates: 0, ms: 1, durability: 'memory' })
  metrics.settled('outbox', 'done', 5)
  metrics.settled('outbox', 'done', 5)
  metrics.settled('outbox', 'bury', 5)
  const text = await metrics.render()
  match(text, /^posthorn_runs_total\{queue="outbox",outcome="done"\} 2$/m)
  match(text, /^posthorn_runs_total\{queue="outbox",outcome="bury"\} 1$/m)
  match(text, /^posthorn_process_seconds_count\{queue="outbox"\} 3$/m)
  doesNotMatch(text, /duplicates_total\{|sent_total\{queue="outbox"|process_seconds_count\{queue="inbox"/)
})
