// Copies, and kills itself with -9 when it is so far; 0: it comes to the end and gives its report.

import { copy } from '../../src/copy.ts'

const [from = '', to = '', pieces = '0'] = process.argv.slice(2)
const report = await copy(from, to, {
  onProgress: ({ doing, done }) => {
    if (doing === 'copying' && Number(pieces) > 0 && done >= Number(pieces)) process.kill(process.pid, 'SIGKILL')
  },
})
process.stdout.write(JSON.stringify(report))
