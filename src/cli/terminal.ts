/** Where commands read and write. Results go to standard output, everything said about them to standard error, so that pipes stay clean. */
import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

export interface Terminal {
  /** Columns of standard output; Infinity where it is no terminal, so that nothing is cut for a pipe. */
  readonly columns: number
  /** A line to standard output. */
  out(line: string): void
  /** Columns of standard error; null where it is no terminal. */
  readonly errColumns: number | null
  /** A line to standard error. */
  err(line: string): void
  /** To standard error as it is: for what is drawn anew. */
  errWrite(text: string): void
  /** The text in a style where standard output shows styles (a terminal, NO_COLOR unset). */
  style(style: Style, text: string): string
  /** All of standard input. */
  read(): Promise<Uint8Array>
}

export const processTerminal: Terminal = {
  columns: process.stdout.isTTY ? process.stdout.columns : Infinity,
  out: (line) => void process.stdout.write(`${line}\n`),
  // A terminal that does not tell its width is a narrow one.
  errColumns: process.stderr.isTTY ? process.stderr.columns || 80 : null,
  err: (line) => void process.stderr.write(`${line}\n`),
  errWrite: (text) => void process.stderr.write(text),
  style: (style, text) => styleText(style, text, { stream: process.stdout }),
  async read() {
    const chunks: Uint8Array[] = []
    for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array)
    return Buffer.concat(chunks)
  },
}
