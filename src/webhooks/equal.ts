/**
 * Compares without telling by its time where two texts of bytes differ: it reads all of both, whatever it finds. The lengths are
 * no secret. HMACs and public-key signatures are compared by WebCrypto itself; this is for plain digests and tokens.
 */
export function isEqual(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  if (one.length !== other.length) return false
  let difference = 0
  for (let at = 0; at < one.length; at += 1) difference |= (one[at] ?? 0) ^ (other[at] ?? 0)
  return difference === 0
}
