/** A system call that has been understood: an attempt that can be repeated, and a look at what it left. */

import { EAGAIN, EBADF } from '../lib/errno.ts'
import type { Args } from './args.ts'
import type { OpenFile, Session } from './session.ts'

export interface Call {
  /** Result, or -errno; −EAGAIN: would block. */
  attempt: () => number
  /** Looks at what a successful call left in its arguments; throws a mismatch. */
  done: (result: number) => void
  /** Whether it waits when it would block. */
  blocks: boolean
  /** Script time after which it waits no longer, or Infinity. */
  until: number
  /** Result, or -errno, of a call that would still block then. */
  expired: () => number
  /** The result is a new socket, to be known by the script's number. */
  opens: boolean
  /** Makes the descriptor of a call that opens something else than a socket; null for sockets. */
  openFile: ((fd: number) => void) | null
}

/** A call that never waits. */
export function atOnce(attempt: () => number, done: (result: number) => void = ignore): Call {
  return { attempt, done, blocks: false, until: Infinity, expired: stillBlocked, opens: false, openFile: null }
}

/** A call on the descriptor in the first argument; EBADF where the script has none of this number. */
export function onFile(session: Session, args: Args, make: (file: OpenFile) => Call): Call {
  const file = session.files.get(args.number(0))
  return file === undefined ? atOnce(() => -EBADF) : make(file)
}

function stillBlocked(): number {
  return -EAGAIN
}

function ignore(): void {
  // nothing is expected of the arguments
}
