// `sqlite:FILE` as two processes have it: calls go to either in turn, and what one has in memory the other has changed.

import { keepsTheLaws } from './laws.ts'
import { holdsAgainstOracle } from './property.ts'
import { sqlitePairSubject } from './sqlite-subject.ts'

keepsTheLaws(sqlitePairSubject, { hints: 'deliver' })
holdsAgainstOracle(sqlitePairSubject, { runs: 200, faults: ['close', 'kill', 'power-cut'], durability: ['os', 'disk'] })
