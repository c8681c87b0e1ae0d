// `sqlite:FILE` as it runs: its database in a thread of its own. What can befall it is shown in sqlite.test.ts.

import { keepsTheLaws } from './laws.ts'
import { sqliteThreadSubject } from './sqlite-subject.ts'

keepsTheLaws(sqliteThreadSubject, { hints: 'deliver' })
