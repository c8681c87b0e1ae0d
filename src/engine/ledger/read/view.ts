/** A slot as the message that others see: its columns as they are now, its content and failures from the store, at once where they are at hand. */
import { PosthornError, isPosthornError } from '../../../core/error.ts'
import { fromJsonBytes, toJsonBytes } from '../../../core/json.ts'
import type { Message, Report, State, StoredFailure, StoredMessage } from '../../../core/message.ts'
import { formatUuid } from '../../../core/uuid.ts'
import type { Desk } from '../decide/desk.ts'
import type { ReportHead } from '../decide/ending.ts'
import { ARRIVED, DEAD, DELAYED, FLAG, LEASED, READY } from '../entries.ts'
import { CHUNK_MASK, type HistoryItem } from '../state/slots.ts'
import { UNREADABLE, unreadable } from '../decide/unreadable.ts'

export const STATE_NAMES: readonly State[] = [
  'discarded',
  'arrived',
  'ready',
  'held',
  'delayed',
  'leased',
  'dead',
  'acked',
  'expired',
  'cancelled',
  'discarded',
]

const NO_FAILURES: readonly StoredFailure[] = []
const NO_MESSAGE = unreadable('')

type Draft = { -readonly [Field in keyof StoredMessage]: StoredMessage[Field] }

export function viewOf(desk: Desk, slot: number): StoredMessage | Promise<StoredMessage> {
  const { blocks } = desk.store
  const chunk = desk.state.messages.slots.of(slot)
  const row = slot & CHUNK_MASK
  const draft = draftOf(desk, slot)
  const about = chunk.about?.get(row)
  const content = blocks.readMessage(chunk.block[row]!)
  const history = chunk.history?.get(row)
  if (history === undefined && about === undefined && !(content instanceof Promise))
    return complete(draft, content, NO_FAILURES)
  const subject = about === undefined ? undefined : subjectOf(desk, about, idOf(desk, slot))
  return viewWith(desk, draft, content, subject, history ?? [])
}

/** The same with what few messages have, or with content that is read from a disk. */
function viewWith(
  desk: Desk,
  draft: Draft,
  content: Message | Promise<Message>,
  subject: Message | Promise<Message> | undefined,
  history: readonly HistoryItem[],
): StoredMessage | Promise<StoredMessage> {
  const failures = history.map(({ block }) => desk.store.blocks.readBytes(block))
  const isAtHand =
    !(content instanceof Promise) && !(subject instanceof Promise) && !failures.some((each) => each instanceof Promise)
  if (isAtHand) return complete(draft, withSubject(content, subject), (failures as Uint8Array[]).map(toFailure))
  return (async () => {
    const [message, told, ...bytes] = await Promise.all([content, subject, ...failures])
    return complete(draft, withSubject(message, told), bytes.map(toFailure))
  })()
}

/** For a page: one that cannot be read is marked by its type and reason, and does not hide the others. */
export function viewOrMark(desk: Desk, slot: number): StoredMessage | Promise<StoredMessage> {
  const draft = draftOf(desk, slot)
  const { reason } = draft
  const id = idOf(desk, slot)
  return rescue(
    () => viewOf(desk, slot),
    () => complete({ ...draft, reason: reason ?? UNREADABLE }, unreadable(id), NO_FAILURES),
  )
}

/** For one that was asked for. @throws PosthornError `corrupt` that says which message it is */
export function viewOrName(desk: Desk, slot: number): StoredMessage | Promise<StoredMessage> {
  const [id, { queue }] = [idOf(desk, slot), draftOf(desk, slot)]
  return rescue(
    () => viewOf(desk, slot),
    (error) => {
      throw nameOwner(error, `message ${id} of ${queue}`, { queue, id })
    },
  )
}

/** Does the other thing where content is damaged. */
export function rescue<T>(read: () => T | Promise<T>, instead: (error: PosthornError) => T): T | Promise<T> {
  const otherwise = (error: unknown): T => {
    if (isPosthornError(error) && error.code === 'corrupt') return instead(error)
    throw error
  }
  try {
    const found = read()
    return found instanceof Promise ? found.catch(otherwise) : found
  } catch (error) {
    return otherwise(error)
  }
}

/** Whose content it is that is damaged: the store knows only where it lay. */
export function nameOwner(
  error: PosthornError,
  owner: string,
  details: Readonly<Record<string, string>>,
): PosthornError {
  return new PosthornError('corrupt', `${owner} cannot be read: ${error.message}`, {
    details: { ...error.details, ...details },
    cause: error,
  })
}

function idOf(desk: Desk, slot: number): string {
  const chunk = desk.state.messages.slots.of(slot)
  const row = slot & CHUNK_MASK
  return formatUuid(chunk.id0[row]!, chunk.id1[row]!, chunk.id2[row]!, chunk.id3[row]!)
}

/** The message that a report tells of. That it cannot be read must not hide that it ended. */
function subjectOf(desk: Desk, block: number, id: string): Message | Promise<Message> {
  try {
    const subject = desk.store.blocks.readMessage(block)
    return subject instanceof Promise ? subject.catch(() => unreadable(id)) : subject
  } catch {
    return unreadable(id)
  }
}

/** All but the content and what is in the store with it: that is filled in. */
function draftOf(desk: Desk, slot: number): Draft {
  const { messages, names, queues } = desk.state
  const chunk = messages.slots.of(slot)
  const row = slot & CHUNK_MASK
  const state = chunk.state[row]!
  const due = chunk.due[row]!
  const reason = chunk.reason?.get(row) ?? 0
  return {
    queue: queues.rows[chunk.queue[row]!]!.name,
    id: '',
    message: NO_MESSAGE,
    state: STATE_NAMES[state]!,
    sentAt: chunk.sentAt[row]!,
    readyAt:
      state === DELAYED ? due : state === ARRIVED || state === READY || state === LEASED ? chunk.place[row]! : null,
    leaseUntil: state === LEASED ? due : null,
    endedAt: state >= DEAD ? due : null,
    acquired: chunk.acquired[row]!,
    failed: chunk.failed[row]!,
    released: chunk.released[row]!,
    failures: NO_FAILURES,
    cancelRequested: (chunk.flags[row]! & FLAG.cancelRequested) !== 0,
    reason: reason === 0 ? null : names.text(reason),
  }
}

function complete(draft: Draft, message: Message, failures: readonly StoredFailure[]): StoredMessage {
  draft.id = message.id
  draft.message = message
  draft.failures = failures
  return draft
}

/** A report says all about its message but the body; that part is not stored twice. */
function withSubject(message: Message, subject: Message | undefined): Message {
  if (subject === undefined) return message
  const { body: _, ...told } = subject
  const head = fromJsonBytes(message.body) as ReportHead
  return { ...message, body: toJsonBytes({ ...head, message: { ...told, id: head.id } } satisfies Report) }
}

function toFailure(bytes: Uint8Array): StoredFailure {
  return fromJsonBytes(bytes) as StoredFailure
}
