/** What a failed statement means: whether the connection is gone, whether trying again can help, or whether somebody is to blame. */

const CONNECTION = new Set(['57P01', '57P02', '57P03', '57P05', '53300', '25P03', '25P04'])
/**
 * So a server says that it ends the session, and a pooler that it has lost the one behind it, under whatever code: what was asked for may have
 * been done. Servers of some languages translate the words; of them the codes above are known.
 */
const ENDS = new Set(['FATAL', 'PANIC'])
/** Also who was faster with the same id: it is found when it is looked for again. */
const PASSING = new Set(['23505', '40001', '40P01', '55P03', '57014', '25006'])

/** What the language throws where a program goes wrong, and Node with a code of its own where it is given what it cannot take. */
const OWN = [TypeError, RangeError, ReferenceError, SyntaxError]

/** What a driver says itself before a server has let it in: no password, no TLS, a certificate that it does not trust. */
const DRIVER = /^SASL|password must be a string|does not support SSL|certificate|self[- ]signed/i

/** Whether the one who wanted in was told no: by the server, or by the driver, which lacks what the server asks for. */
export function isTurnedAway(error: unknown): boolean {
  return failureByCode(error) === 'refused' || (error instanceof Error && DRIVER.test(error.message))
}

export type Failure =
  /** The answer is lost, or there was nobody to ask. */
  | 'lost'
  /** A deadlock, a timeout: the next try may succeed. */
  | 'passing'
  /** The server refuses what it was given. */
  | 'refused'
  /** A mistake of this program: the same with each try. It says nothing about what the server did. */
  | 'broken'

/** Of what was asked on a connection that was there; of one that was never given, see `isTurnedAway`. */
export function failureOf(error: unknown): Failure {
  const failure = failureByCode(error)
  return failure !== 'broken' && ENDS.has((error as { readonly severity?: string } | null)?.severity ?? '')
    ? 'lost'
    : failure
}

function failureByCode(error: unknown): Failure {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  if (OWN.some((kind) => error instanceof kind) && (code === '' || code.startsWith('ERR_'))) return 'broken'
  // SQLSTATE has five characters with a digit among them (EPIPE has none); anything else comes from the connection.
  if (!/^(?=.*\d)[0-9A-Z]{5}$/.test(code) || code.startsWith('08') || CONNECTION.has(code)) return 'lost'
  return PASSING.has(code) ? 'passing' : 'refused'
}
