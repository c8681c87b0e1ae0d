// Binds the kit to node:test: each case a test under its law's name; what a subject does not offer is skipped with its reason.

import { suite, test } from 'node:test'
import { CASES, LAWS, runCase, type Case, type ContextOptions, type Subject } from '../../src/conformance/index.ts'

export function keepsTheLaws(subject: Subject, options: ContextOptions, cases: readonly Case[] = CASES): void {
  const how = options.hints === 'drop' ? ' with all hints dropped' : ''
  for (const law of LAWS) {
    suite(`${subject.name}${how}: ${law}`, () => {
      for (const each of cases.filter((one) => one.law === law)) {
        test(`${law}: ${each.name}`, async (context) => {
          const { status, detail, error } = await runCase(subject, each, options)
          if (status === 'failed') throw error
          if (status !== 'passed') context.skip(`${status}: ${detail}`)
        })
      }
    })
  }
}
