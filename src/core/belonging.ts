/** Records `system/of-app/APP/KIND/NAME`: what belongs to an app, written by the commit that makes the thing and removed by the one that ends it. */

export type BelongingKind = 'subscription' | 'operation' | 'living' | 'endpoint'

/** The key of the record that says so; `name` may hold `/`. */
export const belongingKey = (app: string, kind: BelongingKind, name: string): string =>
  `${belongingPrefix(app, kind)}${name}`

export const belongingPrefix = (app: string, kind: BelongingKind): string => `system/of-app/${app}/${kind}/`
