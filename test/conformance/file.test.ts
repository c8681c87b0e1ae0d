// `file:DIR` keeps the laws, with hints and without, and agrees with the oracle, on a disk that loses what it may lose.

import { fileSubject } from './file-subject.ts'
import { keepsTheLaws } from './laws.ts'
import { holdsAgainstOracle } from './property.ts'

keepsTheLaws(fileSubject, { hints: 'deliver' })
keepsTheLaws(fileSubject, { hints: 'drop' })
holdsAgainstOracle(fileSubject, { runs: 1_000, faults: ['close', 'kill', 'power-cut'], durability: ['os', 'disk'] })
