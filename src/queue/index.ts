/** The public face of queue administration. */
export type * from './control.ts'
