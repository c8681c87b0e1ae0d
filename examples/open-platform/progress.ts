// The line that moves while the example runs. Where standard output is no terminal it is printed anew every few seconds.

import { styleText } from 'node:util'

export interface Progress {
  readonly sent: number
  readonly total: number
  readonly done: number
  readonly dead: number
  readonly waiting: number
  readonly calledBack: number
}

const PLAIN_EVERY_MS = 3_000
const BAR = 24

export class ProgressLine {
  readonly #live = process.stdout.isTTY
  #writtenMs = -Infinity
  #shown = ''

  show(progress: Progress): void {
    const line = this.#live ? liveLine(progress) : plainLine(progress)
    if (this.#live) process.stdout.write(`\r\u001b[2K${line}`)
    else if (line !== this.#shown && performance.now() - this.#writtenMs >= PLAIN_EVERY_MS) this.#write(line)
    this.#shown = line
  }

  /** Leaves the last line standing. */
  end(progress: Progress): void {
    if (this.#live) process.stdout.write(`\r\u001b[2K${liveLine(progress)}\n`)
    else this.#write(plainLine(progress))
  }

  #write(line: string): void {
    this.#writtenMs = performance.now()
    process.stdout.write(`${line}\n`)
  }
}

function liveLine(progress: Progress): string {
  const filled = Math.round((BAR * (progress.done + progress.dead)) / Math.max(1, progress.total))
  return `  ${styleText('green', '━'.repeat(filled))}${styleText('dim', '━'.repeat(BAR - filled))} ${plainLine(progress).trim()}`
}

const plainLine = ({ sent, total, done, dead, waiting, calledBack }: Progress): string =>
  `  ${sent}/${total} sent · ${done} done · ${dead} dead · ${waiting} waiting · ${calledBack} called back`
