/**
 * The conformance kit, for authors of engines: every law as cases that are data, the oracle that says what must be answered,
 * and a drive that holds an engine against it command by command. It needs no test runner and brings none.
 */
export { CASES } from './law/index.ts'
export { LAWS, type Case, type Law, type Need } from './case.ts'
export type {
  ChangeSketch,
  Command,
  CommitSketch,
  MessageSketch,
  TokenSketch,
  VersionSketch,
  WhenSketch,
} from './command.ts'
export { Context, type Attributes, type ContextOptions } from './context.ts'
export { Drive, type DriveOptions } from './drive.ts'
export { formatReport, runCase, runKit, type KitReport, type Outcome } from './kit.ts'
export { Model } from './model.ts'
export type * as model from './model.ts'
export { withoutHints, type Leaving, type Storage, type Subject, type UserTransaction } from './subject.ts'
