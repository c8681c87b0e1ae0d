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
  const text = plainLine(progress).trim()
  // A line that wraps cannot be written over.
  const width = Math.min(BAR, process.stdout.columns - text.length - 4)
  if (width < 4) return `  ${text}`.slice(0, process.stdout.columns - 1)
  const filled = Math.round((width * (progress.done + progress.dead)) / Math.max(1, progress.total))
  return `  ${styleText('green', '━'.repeat(filled))}${styleText('dim', '━'.repeat(width - filled))} ${text}`
}

const plainLine = ({ sent, total, done, dead, waiting, calledBack }: Progress): string =>
  `  ${sent}/${total} sent · ${done} done · ${dead} dead · ${waiting} waiting · ${calledBack} called back`
