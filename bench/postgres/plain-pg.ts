/** The part of `pg` that is used here: the engine declares the package without types, so that it need not be installed. */
import pg from 'pg'

type Values = readonly unknown[]
interface Answer<T> {
  readonly rows: readonly T[]
}

interface Queries {
  query<T = Record<string, unknown>>(text: string, values?: Values): Promise<Answer<T>>
  query<T = Record<string, unknown>>(statement: {
    readonly name: string
    readonly text: string
    readonly values?: Values
  }): Promise<Answer<T>>
  end(): Promise<void>
}

export interface Client extends Queries {
  connect(): Promise<unknown>
}

export const { Client, Pool } = pg as {
  readonly Client: new (options: { readonly connectionString: string }) => Client
  readonly Pool: new (options: { readonly connectionString: string; readonly max: number }) => Queries
}
export type Pool = InstanceType<typeof Pool>
