/** The virtio header of a frame that we send through a TAP (VIRTIO 1.2 §5.1.6.2): what the kernel is to finish. */

import { CSUM_PARTIAL, CSUM_VALID } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { ETHERTYPE_IPV6, etherHeaderLen } from '../wire/ethernet.ts'
import { csumOffset, gsoHeaderLen } from '../wire/gso.ts'
import { TCP_OFF_FLAGS, TH_CWR } from '../wire/tcp.ts'
import {
  VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_ECN, VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6, VNET_CSUM_OFFSET, VNET_CSUM_START, VNET_FLAGS, VNET_GSO_SIZE,
  VNET_GSO_TYPE, VNET_HDR_LEN_FIELD,
} from '../wire/vnethdr.ts'

/** Writes the ten octets that tell the kernel what `f` leaves undone. */
export function writeVnetHdr(view: DataView, at: number, f: Frame): void {
  const partial = f.csum === CSUM_PARTIAL
  const flags = partial ? VIRTIO_NET_HDR_F_NEEDS_CSUM : f.csum === CSUM_VALID ? VIRTIO_NET_HDR_F_DATA_VALID : 0
  view.setUint8(at + VNET_FLAGS, flags)
  view.setUint8(at + VNET_GSO_TYPE, f.gsoSize > 0 ? gsoType(f) : VIRTIO_NET_HDR_GSO_NONE)
  view.setUint16(at + VNET_HDR_LEN_FIELD, f.gsoSize > 0 ? gsoHeaderLen(f) : 0, true)
  view.setUint16(at + VNET_GSO_SIZE, f.gsoSize, true)
  view.setUint16(at + VNET_CSUM_START, partial ? f.l4 - f.off : 0, true)
  view.setUint16(at + VNET_CSUM_OFFSET, partial ? csumOffset(f.proto) : 0, true)
}

function gsoType(f: Frame): number {
  const type = etherType(f) === ETHERTYPE_IPV6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4
  const congestionReduced = (f.view.getUint16(f.l4 + TCP_OFF_FLAGS) & TH_CWR) !== 0
  return congestionReduced ? type | VIRTIO_NET_HDR_GSO_ECN : type
}

function etherType(f: Frame): number {
  return f.view.getUint16(f.off + etherHeaderLen(f.view, f.off) - 2)
}
