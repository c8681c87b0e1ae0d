// Holds two types to be the same one, not only assignable.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- two generic functions are compared without being called
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

export const same = <A, B>(_same: Same<A, B>): void => {}
