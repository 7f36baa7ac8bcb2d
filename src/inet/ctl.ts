/** What an ICMP error says to a transport protocol (RFC 1122 §3.2.2), free of the address family. */

import type { Addr } from '../lib/addr.ts'
import type { Seq } from '../lib/seq.ts'

/** Network or host unreachable and alike: a hint, never the end of a connection (RFC 1122 §4.2.3.9). */
export const CTL_UNREACH_SOFT = 1
/** Protocol or port unreachable. */
export const CTL_UNREACH_HARD = 2
/** Fragmentation needed / packet too big: `mtu` is the next hop's. */
export const CTL_MSGSIZE = 3
export const CTL_TIMXCEED = 4
export const CTL_PARAMPROB = 5

export interface CtlInput {
  kind: number
  /** What a socket reports, from lib/errno. */
  errno: number
  proto: number
  /** Addresses and ports of the quoted packet: `src`/`lport` are ours, `dst`/`fport` the remote end. */
  src: Addr
  dst: Addr
  lport: number
  fport: number
  /** Next-hop MTU for CTL_MSGSIZE (already estimated by RFC 1191 §7 where the router said 0), else 0. */
  mtu: number
  /** Sequence number of a quoted TCP segment, when `haveSeq`. */
  seq: Seq
  haveSeq: boolean
  icmpType: number
  icmpCode: number
}
