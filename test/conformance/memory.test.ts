// `memory:` keeps the laws, with hints and without, and agrees with the oracle.

import { keepsTheLaws } from './laws.ts'
import { memorySubject } from './memory-subject.ts'
import { holdsAgainstOracle } from './property.ts'

keepsTheLaws(memorySubject, { hints: 'deliver' })
keepsTheLaws(memorySubject, { hints: 'drop' })
holdsAgainstOracle(memorySubject, { runs: 1_000, faults: ['close', 'kill'], durability: ['memory'] })
