/** Numbers, times and texts as the command shows them to people. With --json nothing passes through here. */

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
] as const

/** About how long: `340 ms`, `4.2 s`, `3 m`, `5 h`, `12 d`. */
export function formatSpan(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(2))} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  for (const [unitMs, unit] of UNITS) {
    if (ms >= unitMs)
      return `${ms < 10 * unitMs && unit === 's' ? (ms / unitMs).toFixed(1) : Math.floor(ms / unitMs)} ${unit}`
  }
  return `${ms} ms`
}

/** When, seen from now: `3 m ago`, `in 20 s`, `now`. */
export function formatMoment(at: number, nowMs: number): string {
  const distanceMs = at - nowMs
  if (Math.abs(distanceMs) < 1_000) return 'now'
  return distanceMs < 0 ? `${formatSpan(-distanceMs)} ago` : `in ${formatSpan(distanceMs)}`
}

export const formatCount = (count: number): string => count.toLocaleString('en-US')

export const countOf = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const power = Math.min(4, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** power).toFixed(power > 1 ? 1 : 0)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`
}

const SIZE = /^(\d+(?:\.\d+)?)\s*(B|KB|KIB|MB|MIB|GB|GIB|TB|TIB)$/i
const SIZES: Readonly<Record<string, number>> = {
  KB: 1e3,
  KIB: 2 ** 10,
  MB: 1e6,
  MIB: 2 ** 20,
  GB: 1e9,
  GIB: 2 ** 30,
  TB: 1e12,
  TIB: 2 ** 40,
}

/** `64MiB`, `1.5 GB`, `0B` in bytes; null where the text is no size with a unit. */
export function parseBytes(text: string): number | null {
  const [, number, unit] = SIZE.exec(text.trim()) ?? []
  return number === undefined ? null : Math.round(Number(number) * (SIZES[unit!.toUpperCase()] ?? 1))
}

/** One line, at most so many characters, with nothing in it that a terminal would act on. */
export function formatLine(text: string, longest: number = 80): string {
  // oxlint-disable-next-line no-control-regex -- they are what must not reach the terminal
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim()
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line
}
