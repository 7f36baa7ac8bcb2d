/** Printing: lines, tables with aligned columns, JSON; and complaints. */

/** The command line makes no sense: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export interface Column<T> {
  title: string
  value: (row: T) => string | number
  /** Numbers are aligned at the right, everything else at the left. */
  right?: boolean
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

/** A sentence on standard error. */
export function complain(message: string): void {
  process.stderr.write(`vimage: ${message}\n`)
}

/** Rows under a line of titles. */
export function printTable<T>(rows: readonly T[], columns: readonly Column<T>[]): void {
  const cells = rows.map((row) => columns.map((c) => String(c.value(row))))
  const widths = columns.map((c, i) => Math.max(c.title.length, ...cells.map((line) => (line[i]).length)))
  const printLine = (line: readonly string[]): void => {
    const padded = line.map((text, i) => {
      const width = widths[i]
      return columns[i]?.right === true ? text.padStart(width) : text.padEnd(width)
    })
    print(padded.join('  ').trimEnd())
  }
  printLine(columns.map((c) => c.title))
  for (const line of cells) printLine(line)
}

/** `3d 02:10:05`, or `02:10:05`. */
export function printUptime(us: number): string {
  const s = Math.floor(us / 1e6)
  const two = (n: number): string => String(n).padStart(2, '0')
  const clock = `${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
  return s >= 86_400 ? `${Math.floor(s / 86_400)}d ${clock}` : clock
}

/** A whole number from `min` to `max`, for an option's parser. */
export function parseInteger(what: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const n = Number(text)
    if (/^\d+$/.test(text) && n >= min && n <= max) return n
    throw new UsageError(`${what} is "${text}"; expected a whole number from ${min} to ${max}`)
  }
}

/** Seconds (perhaps with a fraction) as milliseconds. */
export function parseSeconds(what: string, minMs: number): (text: string) => number {
  return (text) => {
    const ms = Number(text) * 1000
    if (/^\d*\.?\d+$/.test(text) && ms >= minMs && ms <= 86_400_000) return ms
    throw new UsageError(`${what} is "${text}"; expected seconds from ${minMs / 1000} to 86400`)
  }
}
