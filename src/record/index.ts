/** The public face of users' records. */
export { createRecordControl } from './administer.ts'
export { checkRecordKey, putOf, removeOf } from './change.ts'
export type { ListOptions, PutOptions, RecordControl, RecordValue } from './control.ts'
