/** Fragmentation (RFC 791 §3.2): the datagram is copied into frames of its own, each with a header. */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Ip4 } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { ENOBUFS } from '../lib/errno.ts'
import { CSUM_NONE, CSUM_PARTIAL, frameAlloc, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { linkOutput } from '../link/output.ts'
import type { Ifnet } from '../link/state.ts'
import { IPOPT_COPIED, IPOPT_EOL, IPOPT_NOP } from '../wire/ipv4-options.ts'
import {
  IPPROTO_TCP, IP_HDR_LEN, IP_LEN, IP_MF, IP_OFF, IP_OFFMASK, IP_SUM, IP_VHL, ipHeaderLen,
} from '../wire/ipv4.ts'
import { TCP_SUM } from '../wire/tcp.ts'
import { UDP_SUM } from '../wire/udp.ts'
import { ipStats } from './state.ts'

/**
 * Sends the packet in `f` (f.off = f.l3; it may itself be a fragment) as fragments of at most `mtu` bytes; consumes
 * it. `mtu` is at least 68. ENOBUFS: no frame; what linkOutput says ends it too. Fragments already sent are not
 * called back.
 */
export function ipFragment(vn: Vn, ifp: Ifnet, f: Frame, mtu: number, nextHop: Ip4): number {
  const { view, slab, l3 } = f
  const stats = ipStats(vn)
  if (f.csum === CSUM_PARTIAL) completeChecksum(f)
  const headerLen = ipHeaderLen(view, l3)
  const field = view.getUint16(l3 + IP_OFF)
  const dataAt = l3 + headerLen
  const dataLen = f.len - headerLen
  let errno = 0
  let sent = 0
  while (sent < dataLen && errno === 0) {
    const g = frameAlloc(vn.pool, mtu)
    if (g === null) {
      countDrop(vn, stats, 'ip', 'nobuf', f)
      errno = ENOBUFS
      break
    }
    const ghl = sent === 0 ? copyHeader(f, g, headerLen) : copyLaterHeader(f, g, headerLen)
    const left = dataLen - sent
    const last = left <= mtu - ghl
    const n = last ? left : (mtu - ghl) & ~7
    g.slab.set(slab.subarray(dataAt + sent, dataAt + sent + n), g.off + ghl)
    g.len = ghl + n
    finish(f, g, ghl, field, sent, last)
    sent += n
    stats.ofragments++
    errno = linkOutput(vn, ifp, g, nextHop)
    if (errno !== 0) stats.odropped++
  }
  if (errno === 0) stats.fragmented++
  frameRelease(vn.pool, f)
  return errno
}

/** Fills in a checksum that was left for a device to complete: the pieces could not be completed one by one. */
export function completeChecksum(f: Frame): void {
  const at = f.l4 + (f.proto === IPPROTO_TCP ? TCP_SUM : UDP_SUM)
  const sum = checksumFold(checksumAdd(0, f.view, f.l4, f.off + f.len - f.l4))
  // an UDP checksum of 0 would say that there is none (RFC 768)
  f.view.setUint16(at, sum === 0 && f.proto !== IPPROTO_TCP ? 0xffff : sum)
  f.csum = CSUM_NONE
}

function copyHeader(f: Frame, g: Frame, headerLen: number): number {
  g.slab.set(f.slab.subarray(f.l3, f.l3 + headerLen), g.off)
  return headerLen
}

/**
 * Later fragments carry only the options whose copied bit is set (RFC 791 §3.1), padded to a word. Returns the
 * length.
 */
function copyLaterHeader(f: Frame, g: Frame, headerLen: number): number {
  copyHeader(f, g, IP_HDR_LEN)
  const end = f.l3 + headerLen
  let to = g.off + IP_HDR_LEN
  let p = f.l3 + IP_HDR_LEN
  while (p < end) {
    const type = f.view.getUint8(p)
    if (type === IPOPT_EOL) break
    const len = type === IPOPT_NOP || p + 1 >= end ? 1 : f.view.getUint8(p + 1)
    if (len < 1 || p + len > end) break
    if ((type & IPOPT_COPIED) !== 0) {
      g.slab.set(f.slab.subarray(p, p + len), to)
      to += len
    }
    p += len
  }
  while (((to - g.off) & 3) !== 0) g.slab[to++] = IPOPT_EOL
  return to - g.off
}

function finish(f: Frame, g: Frame, headerLen: number, field: number, sent: number, last: boolean): void {
  const { view, off } = g
  view.setUint8(off + IP_VHL, 0x40 | (headerLen >> 2))
  view.setUint16(off + IP_LEN, g.len)
  const more = last ? field & IP_MF : IP_MF
  view.setUint16(off + IP_OFF, (field & ~IP_MF & ~IP_OFFMASK) | more | ((field & IP_OFFMASK) + (sent >> 3)))
  view.setUint16(off + IP_SUM, 0)
  view.setUint16(off + IP_SUM, checksumFold(checksumAdd(0, view, off, headerLen)))
  g.l3 = off
  g.l4 = off + headerLen
  g.flags = f.flags
  g.proto = f.proto
  g.tos = f.tos
  g.ttl = f.ttl
}
