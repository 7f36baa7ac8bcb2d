/** What is wrong with a capture, and where: the only thing the readers in this folder throw. */

export class CaptureError extends Error {
  override name = 'CaptureError'
  /** Byte offset in the file of the record, block or header that cannot be read. */
  readonly offset: number
  /** Number (from 1) of the record that could not be read: one more than the records delivered before. */
  readonly record: number
  /** What is wrong, in terms of expected and found, without the place. */
  readonly reason: string

  /** The item that is wrong: "record 12", "section header", … */
  readonly what: string

  /** With a `file` the message begins with it. */
  constructor(what: string, offset: number, record: number, reason: string, file = '') {
    super(`${file === '' ? '' : `${file}: `}${what} at byte ${offset}: ${reason}`)
    this.offset = offset
    this.record = record
    this.reason = reason
    this.what = what
  }

  /** The same error, its message naming the file. */
  inFile(path: string): CaptureError {
    return new CaptureError(this.what, this.offset, this.record, this.reason, path)
  }
}
