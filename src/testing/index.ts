/** Posthorn for users' own tests: `import { testPost } from 'posthorn/testing'`. */
export type { Effect, Performed, PerformOptions } from './perform.ts'
export {
  testPost,
  TestClock,
  type PublishedEvent,
  type SentMessage,
  type TestOptions,
  type TestPost,
} from './test-post.ts'
