/** Where events come from: `import { fileChanges, forward, on, source, webhook } from 'posthorn/event'`. */
export { source, type EmitOptions, type EmittingSource } from './business.ts'
export type { MappedEvent, Source, SourceOptions } from './contract.ts'
export { forward, type Forward, type ForwardOptions } from './forward.ts'
export type { ListenerCounts, Overflow } from './listen/listener.ts'
export type { Caller, CloseReason, ConnectionEvents, ConnectionOptions, ServerOptions } from './network/conversation.ts'
export type { Framing } from './network/framing.ts'
export type { ListeningSource, ListenOptions } from './network/listen-place.ts'
export { tcpClient, tcpServer, type TcpClientOptions, type TcpServerOptions } from './network/tcp.ts'
export {
  webSocketClient,
  webSocketServer,
  type WebSocketClientOptions,
  type WebSocketServerOptions,
} from './network/web-socket.ts'
export { webhook, type WebhookOptions, type WebhookSource } from './network/webhook.ts'
export { mapped, type EventsOf } from './mapped.ts'
export { on, type Listening, type OnContext, type OnOptions, type ToldEvent } from './on.ts'
export { fileChanges, type FileChange, type FileChangesOptions, type FileEvents } from './system/file-change.ts'
export { processSignals, type SignalEvents } from './system/process-signal.ts'
export {
  diskUse,
  memoryUse,
  type DiskEvents,
  type MemoryEvents,
  type ThresholdOptions,
  type Use,
} from './system/threshold.ts'
export { timer, type TimerEvents, type TimerOptions } from './system/timer.ts'
export type { CheckedTypes, Wanted } from './wanted.ts'
