/**
 * Offload between a TAP and the kernel: the virtio header of a frame we send (VIRTIO 1.2 §5.1.6.2), and, for a TAP
 * without it, what the kernel would have done: the checksum finished, a super-segment cut into segments.
 *
 * These functions only read the frame. They need `l4` and `proto`; ask `canFinish` first.
 */

import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { CSUM_PARTIAL, CSUM_VALID } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import {
  ETHER_HDR_LEN, ETHER_TYPE, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN, VLAN_TAG_LEN,
} from '../wire/ethernet.ts'
import { IP_ID, IP_LEN, IP_SRC, IP_SUM, IP_VHL, IPPROTO_TCP } from '../wire/ipv4.ts'
import { TCP_HDR_LEN, TCP_OFF_FLAGS, TCP_SEQ, TCP_SUM, tcpDataOffset, TH_CWR, TH_FIN, TH_PUSH } from '../wire/tcp.ts'
import { UDP_SUM } from '../wire/udp.ts'
import {
  VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_ECN, VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6, VNET_CSUM_OFFSET, VNET_CSUM_START, VNET_FLAGS, VNET_GSO_SIZE,
  VNET_GSO_TYPE, VNET_HDR_LEN_FIELD,
} from '../wire/vnethdr.ts'

/** RFC 8200 §3: offsets in the IPv6 header. */
const IP6_PAYLOAD_LEN = 4
const IP6_SRC = 8
const IP6_ADDRS_LEN = 32

/** Writes the ten octets that tell the kernel what `f` leaves undone. */
export function writeVnetHdr(view: DataView, at: number, f: Frame): void {
  const partial = f.csum === CSUM_PARTIAL
  const flags = partial ? VIRTIO_NET_HDR_F_NEEDS_CSUM : f.csum === CSUM_VALID ? VIRTIO_NET_HDR_F_DATA_VALID : 0
  view.setUint8(at + VNET_FLAGS, flags)
  view.setUint8(at + VNET_GSO_TYPE, f.gsoSize > 0 ? gsoType(f) : VIRTIO_NET_HDR_GSO_NONE)
  view.setUint16(at + VNET_HDR_LEN_FIELD, f.gsoSize > 0 ? headerLength(f) : 0, true)
  view.setUint16(at + VNET_GSO_SIZE, f.gsoSize, true)
  view.setUint16(at + VNET_CSUM_START, partial ? f.l4 - f.off : 0, true)
  view.setUint16(at + VNET_CSUM_OFFSET, partial ? sumOffset(f.proto) : 0, true)
}

/** True when what is to be finished lies in the frame: one that was bridged here came from outside. */
export function canFinish(f: Frame): boolean {
  const end = f.off + f.len
  if (f.l4 < f.off || f.l4 + sumOffset(f.proto) + 2 > end) return false
  if (f.gsoSize === 0) return true
  return f.proto === IPPROTO_TCP && f.l4 + TCP_HDR_LEN <= end && f.off + headerLength(f) <= end
}

/** Where the checksum lies in the transport header. */
export function sumOffset(proto: number): number {
  return proto === IPPROTO_TCP ? TCP_SUM : UDP_SUM
}

/** The value that belongs into a checksum field which now holds the pseudo-header sum. */
export function finishedChecksum(f: Frame): number {
  const sum = checksumFold(checksumAdd(0, f.view, f.l4, f.off + f.len - f.l4))
  // RFC 768: a sum that comes out as zero is sent as all ones, zero means "none".
  return sum === 0 && f.proto !== IPPROTO_TCP ? 0xffff : sum
}

/** Length of the link, network and TCP headers of a super-segment. */
export function headerLength(f: Frame): number {
  return f.l4 - f.off + tcpDataOffset(f.view, f.l4)
}

/**
 * Writes the headers of the segment that carries payload bytes `sent … sent+length` of super-segment `f` to `out` at
 * `at` (headerLength bytes): lengths, identification, sequence number, flags and both checksums are its own.
 */
export function writeSegmentHeader(
  out: Uint8Array, view: DataView, at: number, f: Frame, sent: number, length: number,
): void {
  const headers = headerLength(f)
  out.set(f.slab.subarray(f.off, f.off + headers), at)
  const l3 = at + linkHeaderLength(f)
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

function gsoType(f: Frame): number {
  const type = etherType(f) === ETHERTYPE_IPV6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4
  const congestionReduced = (f.view.getUint16(f.l4 + TCP_OFF_FLAGS) & TH_CWR) !== 0
  return congestionReduced ? type | VIRTIO_NET_HDR_GSO_ECN : type
}

function etherType(f: Frame): number {
  return f.view.getUint16(f.off + linkHeaderLength(f) - 2)
}

/** 14 octets, and four for each VLAN tag (IEEE 802.1Q). */
function linkHeaderLength(f: Frame): number {
  let length = ETHER_HDR_LEN
  for (let i = 0; i < 2; i++) {
    const type = f.view.getUint16(f.off + ETHER_TYPE + i * VLAN_TAG_LEN)
    if (type !== ETHERTYPE_VLAN && type !== ETHERTYPE_QINQ) break
    length += VLAN_TAG_LEN
  }
  return length
}
