// `sqlite:FILE` keeps the laws, with hints and without, and agrees with the oracle.

import { keepsTheLaws } from './laws.ts'
import { holdsAgainstOracle } from './property.ts'
import { sqliteBundledSubject, sqliteSubject } from './sqlite-subject.ts'

keepsTheLaws(sqliteSubject, { hints: 'deliver' })
keepsTheLaws(sqliteBundledSubject, { hints: 'drop' })
holdsAgainstOracle(sqliteSubject, { runs: 500, faults: ['close', 'kill', 'power-cut'], durability: ['os', 'disk'] })
holdsAgainstOracle(sqliteBundledSubject, {
  runs: 200,
  faults: ['close', 'kill', 'power-cut'],
  durability: ['os', 'disk'],
})
