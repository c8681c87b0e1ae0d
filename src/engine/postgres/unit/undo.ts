/** What a refused commit did to the working set is taken back, newest first. */
export class Undo {
  #steps: (() => void)[] = []

  begin(): void {
    this.#steps = []
  }

  /** Changes an object so that it can be taken back. */
  set<T extends { isDirty?: boolean }>(target: T, patch: Partial<T>): void {
    const before = { ...target }
    Object.assign(target, patch, 'isDirty' in target ? { isDirty: true } : {})
    this.#steps.push(() => Object.assign(target, before))
  }

  /** The same for what is no column of its own: it is not written for it. */
  note<T extends { isDirty: boolean }>(target: T, patch: Partial<T>): void {
    const before = { ...target }
    Object.assign(target, patch)
    this.#steps.push(() => Object.assign(target, before))
  }

  put<K, V>(map: Map<K, V>, key: K, value: V): void {
    const had = map.has(key)
    const before = map.get(key) as V
    map.set(key, value)
    this.#steps.push(() => (had ? map.set(key, before) : map.delete(key)))
  }

  push<T>(list: T[], item: T): void {
    list.push(item)
    this.#steps.push(() => list.splice(list.lastIndexOf(item), 1))
  }

  add<T>(set: Set<T>, item: T): void {
    if (set.has(item)) return
    set.add(item)
    this.#steps.push(() => set.delete(item))
  }

  back(): void {
    for (const step of this.#steps.reverse()) step()
    this.#steps = []
  }
}
