// A Prisma client without models, made by the library's own runtime as generated code makes it: no generator, no download.

import { PrismaPg } from '@prisma/adapter-pg'
import * as runtime from '@prisma/client/runtime/client'

const COMPILER = '@prisma/client/runtime/query_compiler_fast_bg.postgresql'

export interface PrismaTx {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<readonly Record<string, unknown>[]>
  $executeRawUnsafe(text: string, ...values: unknown[]): Promise<number>
}

export interface Prisma extends PrismaTx {
  $transaction<T>(body: (tx: PrismaTx) => Promise<T>, options?: { timeout?: number }): Promise<T>
  $disconnect(): Promise<void>
}

export function prismaOf(url: string): Prisma {
  const Client = runtime.getPrismaClient({
    previewFeatures: [],
    clientVersion: '7.10.0',
    engineVersion: 'none',
    activeProvider: 'postgresql',
    inlineSchema: 'datasource db {\n  provider = "postgresql"\n}\n',
    runtimeDataModel: { models: {}, enums: {}, types: {} },
    parameterizationSchema: { strings: [], graph: 'AAAA' },
    compilerWasm: {
      getRuntime: () => import(`${COMPILER}.mjs`),
      getQueryCompilerWasmModule: async () => {
        const { wasm } = (await import(`${COMPILER}.wasm-base64.mjs`)) as { readonly wasm: string }
        const { WebAssembly } = globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => unknown } }
        return new WebAssembly.Module(Buffer.from(wasm, 'base64'))
      },
      importName: './query_compiler_fast_bg.js',
    },
  } as never) as unknown as new (options: object) => Prisma
  return new Client({ adapter: new PrismaPg({ connectionString: url }) })
}
