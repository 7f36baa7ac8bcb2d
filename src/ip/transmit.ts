/** From a finished IP header to the link: what is too big is fragmented or refused (RFC 791 §3.2, RFC 1191 §3). */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Ip4 } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { EMSGSIZE } from '../lib/errno.ts'
import { frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { linkOutput } from '../link/output.ts'
import { IFCAP_TSO } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { IP_DF, IP_OFF, IP_SUM, ipHeaderLen } from '../wire/ipv4.ts'
import { tcpDataOffset } from '../wire/tcp.ts'
import { ipFragment } from './fragment.ts'
import { ipSegment } from './segment.ts'
import { ipStats } from './state.ts'

/**
 * Sends the packet in `f` (f.off = f.l3 at a complete header) to `nextHop` on `ifp`, in pieces of at most `mtu`;
 * consumes it. EMSGSIZE: too big and DF is set. Otherwise as linkOutput.
 */
export function ipTransmit(vn: Vn, ifp: Ifnet, f: Frame, mtu: number, nextHop: Ip4): number {
  if (ipWireLen(f) <= mtu) {
    if (f.gsoSize !== 0 && (ifp.capabilities & IFCAP_TSO) === 0) return ipSegment(vn, ifp, f, nextHop)
    const errno = linkOutput(vn, ifp, f, nextHop)
    if (errno !== 0) ipStats(vn).odropped++
    return errno
  }
  if ((f.view.getUint16(f.l3 + IP_OFF) & IP_DF) === 0 && f.gsoSize === 0) return ipFragment(vn, ifp, f, mtu, nextHop)
  countDrop(vn, ipStats(vn), 'ip', 'cantfrag', f)
  frameRelease(vn.pool, f)
  return EMSGSIZE
}

/** Length of the largest packet that `f` is on the wire: a super-segment is cut up by whoever sends it. */
export function ipWireLen(f: Frame): number {
  if (f.gsoSize === 0) return f.len
  return Math.min(f.len, ipHeaderLen(f.view, f.l3) + tcpDataOffset(f.view, f.l4) + f.gsoSize)
}

/** Computes the header checksum of the header at `at` (RFC 791 §3.1). */
export function ipHeaderSum(view: DataView, at: number): void {
  view.setUint16(at + IP_SUM, 0)
  view.setUint16(at + IP_SUM, checksumFold(checksumAdd(0, view, at, ipHeaderLen(view, at))))
}
