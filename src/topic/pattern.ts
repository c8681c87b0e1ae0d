/**
 * Type patterns as types: which of a topic's event types `order.*` or `order.**` means, so that a handler sees those and no others
 * and a typo is a compile error. `compileTypes` in core says the same of texts at run time.
 */

/** `T` where the pattern means it, else never. `*` is one segment, `**` any number of them, none included. */
type Match<T extends string, P extends string> = P extends '**'
  ? T
  : P extends `**.${infer Rest}`
    ? [Match<T, Rest>] extends [never]
      ? T extends `${string}.${infer Tail}`
        ? [Match<Tail, P>] extends [never]
          ? never
          : T
        : never
      : T
    : P extends `${infer Head}.${infer Rest}`
      ? T extends `${infer First}.${infer Tail}`
        ? Head extends '*' | First
          ? [Match<Tail, Rest>] extends [never]
            ? never
            : T
          : never
        : Rest extends Stars
          ? Head extends '*' | T
            ? T
            : never
          : never
      : P extends '*'
        ? T extends `${string}.${string}`
          ? never
          : T
        : T extends P
          ? T
          : never

/** What means no segment at all as well. */
type Stars = '**' | '**.**'

type Each<T extends string, P extends string> = T extends T ? Match<T, P> : never

/** The pattern itself, or a sentence that says why it cannot be meant. */
export type Checked<Name extends string, Events, P extends string> = P extends P
  ? [Each<keyof Events & string, P>] extends [never]
    ? `topic '${Name}' has no event type matching '${P}'`
    : P
  : never

/** The event types that the patterns mean. */
export type Matching<Events, P extends string> = P extends P ? Each<keyof Events & string, P> : never
