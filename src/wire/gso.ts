/**
 * Super-segments and unfinished checksums: what a device that offloads leaves to others, done here. A super-segment is a
 * TCP packet of up to 64 KiB that is cut into segments of `gsoSize` payload bytes on its way out (in the kernel behind a
 * TAP, in a device that cannot do it, or before one).
 *
 * These functions only read the frame, which must be whole for those that look at its payload. They need `l4` and `proto`; ask
 * `gsoIsSound` first where a frame came from outside.
 */

import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { CSUM_NONE, frameAlloc, frameWhole } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { IP_ID, IP_LEN, IP_SRC, IP_SUM, IP_VHL, IPPROTO_TCP } from './ipv4.ts'
import { TCP_HDR_LEN, TCP_OFF_FLAGS, TCP_SEQ, TCP_SUM, tcpDataOffset, TH_CWR, TH_FIN, TH_PUSH } from './tcp.ts'
import { UDP_SUM } from './udp.ts'

/** RFC 8200 §3: offsets in the IPv6 header. */
const IP6_PAYLOAD_LEN = 4
const IP6_SRC = 8
const IP6_ADDRS_LEN = 32

/** How many segments the frame becomes. */
export function gsoCount(f: Frame): number {
  return f.gsoSize === 0 ? 1 : Math.max(1, Math.ceil((f.len - gsoHeaderLen(f)) / f.gsoSize))
}

/**
 * Segment `k` of super-segment `f` in a frame of its own with one reference, checksums complete; null when the pool is
 * exhausted. `linkLen` is the length of the header before the IP header.
 */
export function gsoSegment(pool: FramePool, f: Frame, linkLen: number, k: number): Frame | null {
  const headers = gsoHeaderLen(f)
  const sent = k * f.gsoSize
  const length = Math.min(f.gsoSize, f.len - headers - sent)
  const s = frameAlloc(pool, headers + length)
  if (s === null) return null
  frameWhole(f)
  gsoWriteHeader(s.slab, s.view, s.off, f, linkLen, sent, length)
  const from = f.off + headers + sent
  s.slab.set(f.slab.subarray(from, from + length), s.off + headers)
  s.len = headers + length
  s.ifId = f.ifId
  s.flags = f.flags
  s.l3 = s.off + linkLen
  s.l4 = s.off + f.l4 - f.off
  s.proto = f.proto
  s.tos = f.tos
  s.ttl = f.ttl
  s.csum = CSUM_NONE
  return s
}

/** True when what is to be finished lies in the frame: one that was bridged here came from outside. */
export function gsoIsSound(f: Frame): boolean {
  const end = f.off + f.len
  if (f.l4 < f.off || f.l4 + csumOffset(f.proto) + 2 > end) return false
  if (f.gsoSize === 0) return true
  return f.proto === IPPROTO_TCP && f.l4 + TCP_HDR_LEN <= end && f.off + gsoHeaderLen(f) <= end
}

/** Where the checksum lies in the transport header. */
export function csumOffset(proto: number): number {
  return proto === IPPROTO_TCP ? TCP_SUM : UDP_SUM
}

/** The value that belongs into a checksum field which now holds the pseudo-header sum. */
export function csumFinished(f: Frame): number {
  const sum = checksumFold(checksumAdd(0, f.view, f.l4, f.off + f.len - f.l4))
  // RFC 768: a sum that comes out as zero is sent as all ones, zero means "none".
  return sum === 0 && f.proto !== IPPROTO_TCP ? 0xffff : sum
}

/** Length of the link, network and TCP headers of a super-segment. */
export function gsoHeaderLen(f: Frame): number {
  return f.l4 - f.off + tcpDataOffset(f.view, f.l4)
}

/**
 * Writes the headers of the segment that carries payload bytes `sent … sent+length` of super-segment `f` to `out` at
 * `at` (gsoHeaderLen bytes): lengths, identification, sequence number, flags and both checksums are its own. The IP header
 * begins `linkLen` bytes into the frame.
 */
export function gsoWriteHeader(
  out: Uint8Array, view: DataView, at: number, f: Frame, linkLen: number, sent: number, length: number,
): void {
  const headers = gsoHeaderLen(f)
  out.set(f.slab.subarray(f.off, f.off + headers), at)
  const l3 = at + linkLen
  const l4 = at + f.l4 - f.off
  const tcpLength = at + headers - l4 + length
  let sum = IPPROTO_TCP + tcpLength
  if (view.getUint8(l3) >> 4 === 6) {
    view.setUint16(l3 + IP6_PAYLOAD_LEN, headers - (l3 - at) - IP6_SRC - IP6_ADDRS_LEN + length)
    sum = checksumAdd(sum, view, l3 + IP6_SRC, IP6_ADDRS_LEN)
  } else {
    view.setUint16(l3 + IP_LEN, at + headers - l3 + length)
    view.setUint16(l3 + IP_ID, view.getUint16(l3 + IP_ID) + Math.floor(sent / f.gsoSize) & 0xffff)
    view.setUint16(l3 + IP_SUM, 0)
    view.setUint16(l3 + IP_SUM, checksumFold(checksumAdd(0, view, l3, (view.getUint8(l3 + IP_VHL) & 15) << 2)))
    sum = checksumAdd(sum, view, l3 + IP_SRC, 8)
  }
  view.setUint32(l4 + TCP_SEQ, view.getUint32(l4 + TCP_SEQ) + sent >>> 0)
  const last = headers + sent + length === f.len
  // What ends the data belongs to the last segment, the answer to a congestion mark to the first (RFC 3168 §6.1.2).
  const dropped = (last ? 0 : TH_FIN | TH_PUSH) | (sent === 0 ? 0 : TH_CWR)
  view.setUint16(l4 + TCP_OFF_FLAGS, view.getUint16(l4 + TCP_OFF_FLAGS) & ~dropped)
  view.setUint16(l4 + TCP_SUM, 0)
  sum = checksumAdd(sum, view, l4, at + headers - l4)
  // The header is a multiple of four octets long, so the payload's words line up with a sum of their own.
  view.setUint16(l4 + TCP_SUM, checksumFold(checksumAdd(sum, f.view, f.off + headers + sent, length)))
}
