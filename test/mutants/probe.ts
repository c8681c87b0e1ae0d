// Run in a mutated copy of the sources: `node probe.ts SUBJECT LAW` runs the cases of the law and prints the names of those that
// fail, one JSON list.

import { CASES, runCase, type Subject } from '../../src/conformance/index.ts'

const [name = '', law = ''] = process.argv.slice(2)
const module = (await import(`../conformance/${name}-subject.ts`)) as Readonly<Record<string, Subject>>
const caught: string[] = []
for (const each of CASES.filter((one) => one.law === law)) {
  const { status } = await runCase(module[`${name}Subject`]!, each)
  if (status === 'failed') caught.push(each.name)
}
// What a broken engine left behind must not keep the process.
process.stdout.write(JSON.stringify(caught), () => process.exit())
