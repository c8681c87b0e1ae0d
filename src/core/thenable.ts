/** Promises of any make: a query builder and a promise of another realm are waited for like one of our own. */

/** The value as a promise where it is something to wait for; null where it is not. Throws what its `then` throws when it is read. */
export function toPromise<T>(value: T | PromiseLike<T>): Promise<T> | null {
  if (value instanceof Promise) return value
  return isThenable(value) ? Promise.resolve(value) : null
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
