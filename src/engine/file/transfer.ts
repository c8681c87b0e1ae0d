/** A folder opened for a copy: nobody else has it open, and time decides nothing in it. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { PosthornError } from '../../core/error.ts'
import type { Transfer } from '../../core/transfer.ts'
import { openFileEngine } from './engine.ts'

/** @throws PosthornError `invalid` where there is nothing to read; what opening an engine throws */
export async function openFileTransfer(dir: string, as: 'source' | 'target'): Promise<Transfer> {
  const folder = resolve(dir)
  if (as === 'source' && !existsSync(folder))
    throw new PosthornError('invalid', `there is no folder ${folder}`, { details: { folder } })
  const engine = await openFileEngine(folder, { isStill: true })
  const transfer = engine.transfer()
  // What was taken in goes on when the folder is opened the next time, and not before.
  transfer.close = () => engine.close()
  return transfer
}
