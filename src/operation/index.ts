/** The public face of operations. */
export type * from './operation.ts'
