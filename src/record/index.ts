/** The public face of users' records. */
export type * from './control.ts'
