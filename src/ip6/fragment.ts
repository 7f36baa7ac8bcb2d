/** Fragmentation by the source (RFC 8200 §4.5): the packet is copied into frames of their own, each with a fragment header. */

import { randomInt32 } from '../kern/random.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { ENOBUFS } from '../lib/errno.ts'
import { CSUM_NONE, CSUM_PARTIAL, frameAlloc, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { linkOutput6 } from '../link/output6.ts'
import type { Ifnet } from '../link/state.ts'
import { IPPROTO_TCP } from '../wire/ipv4.ts'
import {
  IP6F_IDENT, IP6F_LEN, IP6F_MORE_FRAG, IP6F_NXT, IP6F_OFFLG, IP6_HDR_LEN, IP6_NXT, IP6_PLEN, IPPROTO_FRAGMENT,
} from '../wire/ipv6.ts'
import { TCP_SUM } from '../wire/tcp.ts'
import { UDP_SUM } from '../wire/udp.ts'
import { ip6Stats } from './state.ts'

/**
 * Sends the packet in `f` (f.off = f.l3, no extension headers of ours) as fragments of at most `mtu` bytes; consumes it.
 * ENOBUFS: no frame; what linkOutput6 says ends it too. Fragments already sent are not called back.
 */
export function ip6Fragment(vn: Vn, ifp: Ifnet, f: Frame, mtu: number, nextHop: Addr): number {
  const stats = ip6Stats(vn)
  if (f.csum === CSUM_PARTIAL) completeChecksum(f)
  // not to be predicted by who does not see it (RFC 7739)
  const ident = randomInt32(vn.state.random)
  const dataAt = f.l3 + IP6_HDR_LEN
  const dataLen = f.off + f.len - dataAt
  const most = (mtu - IP6_HDR_LEN - IP6F_LEN) & ~7
  let errno = 0
  for (let sent = 0; sent < dataLen && errno === 0;) {
    const g = frameAlloc(vn.pool, mtu)
    if (g === null) {
      countDrop(vn, stats, 'ip6', 'nobuf', f)
      errno = ENOBUFS
      break
    }
    const n = Math.min(most, dataLen - sent)
    fill(f, g, dataAt + sent, n, sent, sent + n < dataLen, ident)
    sent += n
    stats.ofragments++
    errno = linkOutput6(vn, ifp, g, nextHop)
    if (errno !== 0) stats.odropped++
  }
  if (errno === 0) stats.fragmented++
  frameRelease(vn.pool, f)
  return errno
}

function fill(f: Frame, g: Frame, from: number, n: number, at: number, more: boolean, ident: number): void {
  const { view, off } = g
  g.slab.set(f.slab.subarray(f.l3, f.l3 + IP6_HDR_LEN), off)
  const frag = off + IP6_HDR_LEN
  view.setUint8(frag + IP6F_NXT, view.getUint8(off + IP6_NXT))
  view.setUint8(frag + 1, 0)
  view.setUint16(frag + IP6F_OFFLG, at | (more ? IP6F_MORE_FRAG : 0))
  view.setInt32(frag + IP6F_IDENT, ident)
  view.setUint8(off + IP6_NXT, IPPROTO_FRAGMENT)
  view.setUint16(off + IP6_PLEN, IP6F_LEN + n)
  g.slab.set(f.slab.subarray(from, from + n), frag + IP6F_LEN)
  g.len = IP6_HDR_LEN + IP6F_LEN + n
  g.l3 = off
  g.l4 = frag
  g.flags = f.flags
  g.proto = f.proto
  g.tos = f.tos
  g.ttl = f.ttl
  addrCopy(g.src, f.src)
  addrCopy(g.dst, f.dst)
}

/** Fills in a checksum that was left for a device to complete: the pieces could not be completed one by one. */
function completeChecksum(f: Frame): void {
  const at = f.l4 + (f.proto === IPPROTO_TCP ? TCP_SUM : UDP_SUM)
  const sum = checksumFold(checksumAdd(0, f.view, f.l4, f.off + f.len - f.l4))
  f.view.setUint16(at, sum === 0 && f.proto !== IPPROTO_TCP ? 0xffff : sum)
  f.csum = CSUM_NONE
}
