/**
 * Finds by an event's type who wants it, in time that grows with those who do and with the type's segments, not with those who do
 * not: exact types in a map, patterns in a tree of their segments that is walked by all that can still match at once. It means what
 * `compileTypes` means.
 */

/** Types of which is kept who wants them, and how many of each at most. */
const MOST_TYPES = 1_000
const MOST_KEPT = 16
/** Beyond so many patterns it is kept: a few are walked in no time, and of indexes with a few there may be very many. */
const FEW_PATTERNS = 16

interface Node<T> {
  /** By segment, `*` included. */
  readonly next: Map<string, Node<T>>
  /** What a `**` here leads to: it may mean no segment, and then any number. */
  rest: Node<T> | null
  readonly isRest: boolean
  readonly items: Set<T>
}

export class TypeIndex<T> {
  readonly #everything = new Set<T>()
  #exact: Map<string, Set<T>> | null = null
  #root: Node<T> | null = null
  #patterns = 0
  /** What patterns have found, by type: a topic has few types, and many events of each. */
  #found: Map<string, readonly T[]> | null = null

  /** No types are all types. */
  add(types: readonly string[], item: T): void {
    this.#found = null
    if (types.length === 0 || types.includes('**')) this.#everything.add(item)
    else for (const type of types) this.#addOne(type, item)
  }

  delete(types: readonly string[], item: T): void {
    this.#found = null
    if (types.length === 0 || types.includes('**')) {
      this.#everything.delete(item)
      return
    }
    for (const type of types) {
      if (type.includes('*')) {
        this.#patterns--
        if (this.#root !== null && prune(this.#root, type.split('.'), 0, item)) this.#root = null
        continue
      }
      const items = this.#exact?.get(type)
      if (items?.delete(item) === true && items.size === 0) this.#exact!.delete(type)
    }
  }

  get isEmpty(): boolean {
    return this.#everything.size === 0 && (this.#exact?.size ?? 0) === 0 && this.#root === null
  }

  /** Takes whoever wants the type; with several patterns that match, several times. */
  find(type: string, take: (item: T) => void): void {
    this.#everything.forEach(take)
    this.#exact?.get(type)?.forEach(take)
    if (this.#root !== null) for (const item of this.#byPattern(this.#root, type)) take(item)
  }

  #byPattern(root: Node<T>, type: string): readonly T[] {
    const known = this.#found?.get(type)
    if (known !== undefined) return known
    const found: T[] = []
    walk(root, type.split('.'), (item) => found.push(item))
    if (this.#patterns > FEW_PATTERNS && found.length <= MOST_KEPT) {
      if (this.#found === null || this.#found.size >= MOST_TYPES) this.#found = new Map()
      this.#found.set(type, found)
    }
    return found
  }

  #addOne(type: string, item: T): void {
    if (!type.includes('*')) {
      const exact = (this.#exact ??= new Map())
      const items = exact.get(type)
      if (items === undefined) exact.set(type, new Set([item]))
      else items.add(item)
      return
    }
    this.#patterns++
    let node = (this.#root ??= createNode(false))
    for (const segment of type.split('.')) {
      if (segment === '**') node = node.rest ??= createNode(true)
      else {
        let next = node.next.get(segment)
        if (next === undefined) node.next.set(segment, (next = createNode(false)))
        node = next
      }
    }
    node.items.add(item)
  }
}

function createNode<T>(isRest: boolean): Node<T> {
  return { next: new Map(), rest: null, isRest, items: new Set() }
}

function walk<T>(root: Node<T>, segments: readonly string[], take: (item: T) => unknown): void {
  let here = new Set<Node<T>>()
  enter(here, root)
  for (const segment of segments) {
    if (here.size === 0) return
    const there = new Set<Node<T>>()
    for (const node of here) {
      enter(there, node.next.get(segment))
      if (segment === '') continue
      // No type has a segment `*`: then it was entered already.
      enter(there, node.next.get('*'))
      if (node.isRest) enter(there, node)
    }
    here = there
  }
  for (const { items } of here) items.forEach(take)
}

function enter<T>(nodes: Set<Node<T>>, node: Node<T> | undefined): void {
  for (let each = node ?? null; each !== null; each = each.rest) nodes.add(each)
}

/** Whether nothing is left at the node. */
function prune<T>(node: Node<T>, segments: readonly string[], at: number, item: T): boolean {
  const segment = segments[at]
  if (segment === undefined) node.items.delete(item)
  else if (segment === '**') {
    if (node.rest !== null && prune(node.rest, segments, at + 1, item)) node.rest = null
  } else {
    const next = node.next.get(segment)
    if (next !== undefined && prune(next, segments, at + 1, item)) node.next.delete(segment)
  }
  return node.items.size === 0 && node.next.size === 0 && node.rest === null
}
