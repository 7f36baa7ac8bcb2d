/** What management calls throw: a sentence for people, and a POSIX code that the control API maps to an HTTP status. */

import { errnoName, errnoText } from '../lib/errno.ts'

export class ManageError extends Error {
  override name = 'ManageError'
  /** POSIX code ('ENOENT', 'EINVAL', 'EEXIST', …). */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Throws unless `errno` is 0. `what` begins the sentence; `why` replaces the errno's own words. */
export function manageCheck(errno: number, what: string, why: Readonly<Record<number, string>> = {}): void {
  if (errno !== 0) throw new ManageError(errnoName(errno), `${what}: ${why[errno] ?? errnoText(errno)}`)
}
