/** The one place where an errno becomes an `Error`, shaped as Node shapes system errors. */

import { errnoName, errnoText } from '../lib/errno.ts'

export interface SocketError extends Error {
  code: string
  errno: number
  syscall: string
  address?: string
  port?: number
}

/** `connect ECONNREFUSED 10.0.0.2:80`, with `code`, `errno` (negative, as in Node), `syscall`, `address`, `port`. */
export function socketError(errno: number, syscall: string, address?: string, port?: number): SocketError {
  const code = errnoName(errno)
  const where = address === undefined ? '' : ` ${address}${port === undefined ? '' : `:${port}`}`
  const error = new Error(`${syscall} ${code}${where}: ${errnoText(errno)}`) as SocketError
  error.code = code
  error.errno = -errno
  error.syscall = syscall
  if (address !== undefined) error.address = address
  if (port !== undefined) error.port = port
  return error
}
