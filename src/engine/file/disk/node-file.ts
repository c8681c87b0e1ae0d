/** A file of the real disk: written on the calling thread, which is a copy into the page cache. */
import { closeSync, fstatSync, ftruncateSync, read, readSync, writeSync, writev, writevSync } from 'node:fs'
import type { DiskFile } from './disk.ts'

export class NodeFile implements DiskFile {
  readonly path: string
  readonly descriptor: number

  constructor(path: string, descriptor: number) {
    this.path = path
    this.descriptor = descriptor
  }

  size(): number {
    return fstatSync(this.descriptor).size
  }

  read(target: Uint8Array, position: number): number {
    let done = 0
    while (done < target.byteLength) {
      const count = readSync(this.descriptor, target, done, target.byteLength - done, position + done)
      if (count === 0) break
      done += count
    }
    return done
  }

  async readSoon(target: Uint8Array, position: number): Promise<number> {
    let done = 0
    while (done < target.byteLength) {
      const count = await readOnce(this.descriptor, target, done, position + done)
      if (count === 0) break
      done += count
    }
    return done
  }

  write(pieces: readonly Uint8Array[], position: number): void {
    const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
    const written =
      pieces.length === 1
        ? writeSync(this.descriptor, pieces[0]!, 0, bytes, position)
        : writevSync(this.descriptor, pieces, position)
    if (written === bytes) return
    const rest = Buffer.concat(pieces).subarray(written)
    for (let done = 0; done < rest.byteLength;)
      done += writeSync(this.descriptor, rest, done, rest.byteLength - done, position + written + done)
  }

  async writeSoon(pieces: readonly Uint8Array[], position: number): Promise<void> {
    const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
    const written = await writeOnce(this.descriptor, pieces, position)
    if (written === bytes) return
    await this.writeSoon([Buffer.concat(pieces).subarray(written)], position + written)
  }

  truncate(sizeBytes: number): void {
    ftruncateSync(this.descriptor, sizeBytes)
  }

  close(): void {
    closeSync(this.descriptor)
  }
}

function readOnce(descriptor: number, target: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, target, offset, target.byteLength - offset, position, (error, count) =>
      error ? reject(error) : resolve(count),
    )
  })
}

function writeOnce(descriptor: number, pieces: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(descriptor, pieces, position, (error, count) => (error ? reject(error) : resolve(count)))
  })
}
