/** What an outsider must not guess: initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 §5.4). */

import type { Inpcb } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import { sipHash32 } from '../lib/siphash.ts'
import { toSeq } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'

const ISN = 1
const TIMESTAMP = 2

/** ISN = M + F(localip, localport, remoteip, remoteport, secretkey), M ticking every 4 µs (RFC 6528 §3, MUST-8). */
export function tcpIsn(vn: Vn, inp: Inpcb): Seq {
  // modulo before the truncation: the clock outgrows 2^53 never, but `| 0` of a large double is slow
  return toSeq((Math.floor(vn.state.now / 4) % 0x100000000) + tupleHash(vn, inp, ISN))
}

/**
 * Offset of a connection's timestamp clock. A function of the four-tuple, so that the clock of a pair of ports goes on
 * from one incarnation to the next, which RFC 6191 §2 relies on.
 */
export function tcpTsOffset(vn: Vn, inp: Inpcb): number {
  return tupleHash(vn, inp, TIMESTAMP) >>> 0
}

/** The timestamp clock: milliseconds (RFC 7323 §5.4), as uint32. */
export function tcpTsNow(vn: Vn, offset: number): number {
  return tcpTsAt(vn.state.now, offset)
}

/** What the timestamp clock showed at `at` µs. */
export function tcpTsAt(at: number, offset: number): number {
  return (Math.floor(at / 1000) + offset) % 0x100000000
}

function tupleHash(vn: Vn, inp: Inpcb, purpose: number): number {
  const { laddr, faddr } = inp
  return sipHash32(vn.state.tcp.isnKey, [
    laddr.w0, laddr.w1, laddr.w2, laddr.w3, faddr.w0, faddr.w1, faddr.w2, faddr.w3,
    (inp.lport << 16) | inp.fport, purpose,
  ])
}
