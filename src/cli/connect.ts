/**
 * Finds what answers a command: a server by its URL; the `serve` or `work` that holds the engine's folder; else the engine
 * itself, opened here and served to the command inside this process.
 */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isPosthornError, type PosthornError } from '../core/error.ts'
import { secretBytes } from '../core/id.ts'
import { silentLog } from '../runtime/log.ts'
import type { Exchange } from './api.ts'
import { CommandError } from './exit.ts'
import { readKey } from './key.ts'
import type { CommonOptions, Session } from './session.ts'

export const DEFAULT_URL = 'file:./.posthorn'

export interface ConnectOptions {
  /** Whether the command may begin an engine where there is none yet. */
  readonly create?: boolean | undefined
}

export const engineUrl = (session: Session, options: CommonOptions): string =>
  options.engine ?? session.env['POSTHORN_URL'] ?? DEFAULT_URL

/** @throws CommandError, PosthornError `engine-locked` and what opening an engine throws */
export async function connect(
  session: Session,
  options: CommonOptions,
  { create = false }: ConnectOptions = {},
): Promise<Exchange> {
  const url = engineUrl(session, options)
  if (/^https?:/.test(url)) return connectToServer(url, readKey(session, options.keyFile), url)
  if (url === 'memory:') {
    throw new CommandError(
      'usage',
      'unknown-engine',
      "the engine 'memory:' lives inside one process, so there is nothing to see from here",
      [
        'Give the folder of a file engine (--engine file:./data) or the address of a server (--engine http://127.0.0.1:7070).',
      ],
    )
  }
  const place = placeOf(url, session.cwd)
  if (place !== null && !create && !existsSync(place)) {
    throw new CommandError('not-found', 'not-found', `there is no engine at ${url} (${place})`, [
      '`posthorn serve` and `posthorn send` begin one. Another: --engine URL, or the environment variable POSTHORN_URL.',
    ])
  }
  try {
    return await connectHere(url)
  } catch (error) {
    const owner = isPosthornError(error) && error.code === 'engine-locked' ? ownerOf(error) : null
    if (owner === null) throw error
    const { pid, host } = (error as PosthornError).details as { readonly pid: number; readonly host: string }
    const server = connectToServer(owner.url, owner.key, `${url}, held by the process at ${owner.url}`)
    return { ...server, holder: { pid, host } }
  }
}

/** Requests over the network. */
export function connectToServer(base: string, key: string | undefined, where: string): Exchange {
  return {
    where,
    base,
    async exchange(request) {
      if (key !== undefined) request.headers.set('authorization', `Bearer ${key}`)
      try {
        return await fetch(request)
      } catch (error) {
        const { cause } = error as { readonly cause?: { readonly code?: string; readonly message?: string } }
        throw new CommandError(
          'unreachable',
          'unreachable',
          `${base} does not answer (${cause?.code ?? cause?.message ?? String(error)})`,
          ['Is `posthorn serve` running there?'],
          error,
        )
      }
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** Requests to the server's own code over the engine, opened for this command. */
async function connectHere(url: string): Promise<Exchange> {
  // Loaded only here: a command that talks to a server is twice as fast without.
  const [{ open }, { handler }, { refuseNewEra }] = await Promise.all([
    import('../posthorn.ts'),
    import('../server/index.ts'),
    import('../migrate.ts'),
  ])
  await refuseNewEra(url)
  const post = await open(url, { log: silentLog })
  const key = Buffer.from(secretBytes(24)).toString('base64url')
  const answer = handler(post, { key })
  return {
    where: url,
    base: 'http://localhost',
    exchange(request) {
      request.headers.set('authorization', `Bearer ${key}`)
      return answer(request)
    },
    [Symbol.asyncDispose]: () => post.close(),
  }
}

/** The address and key that a `serve` or `work` left beside its lock; null where the owner is a program of the user's. */
function ownerOf({ details }: PosthornError): { readonly url: string; readonly key: string | undefined } | null {
  const { address, keyFile } = details as { readonly address?: string | null; readonly keyFile?: string | null }
  if (address == null) return null
  return {
    url: address,
    key: keyFile != null && existsSync(keyFile) ? readFileSync(keyFile, 'utf8').trim() : undefined,
  }
}

/** Where the engine of the URL keeps everything, if that is in a folder or a file: it is not there before it was begun. */
export function placeOf(url: string, cwd: string): string | null {
  if (!url.startsWith('sqlite:')) return folderOf(url, cwd)
  const path = url.slice('sqlite:'.length)
  return path.startsWith('//') ? fileURLToPath(`file:${path}`) : resolve(cwd, path)
}

/** The folder of a file engine's URL; null for other engines. */
export function folderOf(url: string, cwd: string): string | null {
  if (!url.startsWith('file:')) return null
  return url.startsWith('file:///') ? fileURLToPath(url) : resolve(cwd, url.slice('file:'.length))
}
