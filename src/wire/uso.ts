/**
 * Equal datagrams that the kernel hands over in one frame (UDP segmentation offload): those of a sender that has asked for it
 * (UDP_SEGMENT), or that arrived one behind the other. They are told apart where they come in (host/tap-rx.ts), so nobody else has to know
 * of such frames. All have `gsoSize` octets of data, the last one perhaps fewer.
 */

import { checksumAdd, checksumFold, checksumPartial } from '../lib/checksum.ts'
import { CSUM_PARTIAL, frameAlloc } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { IP_HDR_LEN, IP_ID, IP_LEN, IP_SUM, IPPROTO_UDP, ipHeaderLen } from './ipv4.ts'
import { IP6_HDR_LEN, IP6_PLEN } from './ipv6.ts'
import { UDP_HDR_LEN, UDP_LEN, UDP_SUM } from './udp.ts'

/** True for a frame that can be taken apart; its IP header is `linkLen` octets behind its beginning. */
export function usoIsSound(f: Frame, linkLen: number): boolean {
  const [l3, end] = [f.off + linkLen, f.off + f.len]
  if (f.gsoSize === 0 || f.csum !== CSUM_PARTIAL || f.proto !== IPPROTO_UDP || f.l4 + UDP_HDR_LEN > end) return false
  if (f.l4 - l3 < IP_HDR_LEN) return false
  return isV6(f, linkLen) ? f.l4 - l3 >= IP6_HDR_LEN : ipHeaderLen(f.view, l3) === f.l4 - l3
}

/** How many datagrams there are. */
export function usoCount(f: Frame): number {
  return Math.max(1, Math.ceil((f.off + f.len - f.l4 - UDP_HDR_LEN) / f.gsoSize))
}

/** The k-th in a frame of its own with one reference, its checksum unfinished as the whole's; null when the pool is exhausted. */
export function usoDatagram(pool: FramePool, f: Frame, linkLen: number, k: number): Frame | null {
  const headers = f.l4 - f.off + UDP_HDR_LEN
  const length = Math.min(f.gsoSize, f.len - headers - k * f.gsoSize)
  const d = frameAlloc(pool, headers + length)
  if (d === null) return null
  const from = f.off + headers + k * f.gsoSize
  d.slab.set(f.slab.subarray(f.off, f.off + headers), d.off)
  d.slab.set(f.slab.subarray(from, from + length), d.off + headers)
  d.len = headers + length
  d.l4 = d.off + f.l4 - f.off
  d.proto = IPPROTO_UDP
  d.csum = CSUM_PARTIAL
  const l3 = d.off + linkLen
  const { view } = d
  if (isV6(f, linkLen)) view.setUint16(l3 + IP6_PLEN, d.off + d.len - l3 - IP6_HDR_LEN)
  else {
    view.setUint16(l3 + IP_LEN, d.off + d.len - l3)
    view.setUint16(l3 + IP_ID, (view.getUint16(l3 + IP_ID) + k) & 0xffff)
    view.setUint16(l3 + IP_SUM, 0)
    view.setUint16(l3 + IP_SUM, checksumFold(checksumAdd(0, view, l3, d.l4 - l3)))
  }
  // the sum so far is of the pseudo-header, in which the length stands (RFC 768)
  const was = view.getUint16(d.l4 + UDP_LEN)
  const is = UDP_HDR_LEN + length
  view.setUint16(d.l4 + UDP_LEN, is)
  view.setUint16(d.l4 + UDP_SUM, checksumPartial(view.getUint16(d.l4 + UDP_SUM) + (~was & 0xffff) + is))
  return d
}

function isV6(f: Frame, linkLen: number): boolean {
  return f.view.getUint8(f.off + linkLen) >> 4 === 6
}
