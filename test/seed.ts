// Where property tests begin. A run is the same on every machine unless somebody asks for another: what fails in CI fails at home.
// POSTHORN_SEED=random explores; POSTHORN_SEED=NUMBER goes back to what a failure printed.

import { randomInt } from 'node:crypto'

export function seedOfRun(): number {
  const given = process.env['POSTHORN_SEED'] ?? '1'
  return given === 'random' ? randomInt(2 ** 31) : Number(given)
}
