/** Wraps a binding's handler in its middleware, once, when the worker is made. */
import { PosthornError } from '../core/error.ts'
import { invalidOption } from '../core/option.ts'
import type { Binding, Conclusion, Middleware, Next, Run } from './binding.ts'
import { done, isOutcome, type Outcome } from './outcome.ts'

/** What to call for a run: the handler itself where there is no middleware, so that a plain handler pays for none. */
export function composeRun(binding: Binding): (run: Run) => unknown {
  const { middleware } = binding
  if (middleware === undefined || middleware.length === 0) return (run) => binding.run(run)
  return middleware.reduceRight((next, wrap, at) => layer(wrap, next, at), innermost(binding))
}

/** The handler, seen from the middleware: whatever it returned or threw as an outcome is one. */
function innermost(binding: Binding): Next {
  return (run) => toOutcome(() => concluded(binding, run), run)
}

/** What is outside goes by what comes out here. */
async function concluded(binding: Binding, run: Run): Promise<unknown> {
  let value: unknown
  try {
    value = await binding.run(run)
  } catch (error) {
    const conclusion = takeConclusion(run)
    if (conclusion === null) throw error
    return conclusion.threw(error)
  }
  const conclusion = takeConclusion(run)
  return conclusion === null ? value : conclusion.returned(value)
}

function takeConclusion(run: Run): Conclusion | null {
  const { conclusion } = run
  run.conclusion = null
  return conclusion
}

/** @throws PosthornError `invalid-option` where the middleware makes no function */
function layer(wrap: Middleware, inner: Next, at: number): Next {
  const called = new WeakSet<Run>()
  const wrapped = wrap((run) => {
    if (called.has(run))
      return Promise.reject(
        new PosthornError(
          'invalid',
          `middleware ${at} called next() twice in one run: the handler's effects would be held twice`,
        ),
      )
    called.add(run)
    const ended = inner(run)
    // Middleware that does not wait for it goes by its own outcome: what is inside must not fail unheard.
    ended.catch(() => {})
    return ended
  })
  if (typeof wrapped !== 'function')
    throw invalidOption(`middleware ${at}`, 'what it returns for next', wrapped, 'a function (run) => outcome')
  return (run) => toOutcome(() => wrapped(run), null)
}

/** `run`: where outcomes that were made and forgotten are the handler's own, before middleware puts others in their place. */
async function toOutcome(call: () => unknown, run: Run | null): Promise<Outcome> {
  let ended: unknown
  try {
    const value = await call()
    ended = isOutcome(value) ? value : done(value)
  } catch (error) {
    ended = error
  }
  const forgotten = run?.forgotten(ended) ?? null
  if (!isOutcome(ended)) throw ended
  if (forgotten !== null) throw forgotten
  return ended
}
