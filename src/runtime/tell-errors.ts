/** Gives what goes wrong beside any call, as telemetry tells it, to one function as errors. */
import { isErrorCode, PosthornError } from '../core/error.ts'
import type { Telemetry } from './telemetry.ts'

export function tellErrors(telemetry: Telemetry, onError: (error: PosthornError) => void): void {
  telemetry.on('away', ({ doing, error, failures, retryInMs }) =>
    onError(
      new PosthornError(
        'unknown',
        `the engine does not answer (${doing}); tried again in ${Math.round(retryInMs)} ms`,
        { cause: error, details: { doing, failures } },
      ),
    ),
  )
  telemetry.on('lost', ({ queue, id, attempt, why }) =>
    onError(
      new PosthornError(
        'stale',
        `the lease of message ${id} of queue '${queue}' was lost (${why}): what this run did has no effect`,
        { details: { queue, id, attempt, why } },
      ),
    ),
  )
  telemetry.on('refused', ({ queue, id, attempt, code, detail }) =>
    onError(
      new PosthornError(
        isErrorCode(code) ? code : 'invalid',
        `the end of a run of message ${id} of queue '${queue}' was refused: ${detail}`,
        { details: { queue, id, attempt } },
      ),
    ),
  )
}
