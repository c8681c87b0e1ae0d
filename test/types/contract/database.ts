// Databases of the libraries whose transactions handlers join, typed as their users have them.
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Knex } from 'knex'
import type { Kysely } from 'kysely'
import type { Sql } from 'postgres'

export declare const drizzled: NodePgDatabase
export declare const knexed: Knex
export declare const kyselied: Kysely<{ paid: { order: number } }>
export declare const postgresed: Sql
