/**
 * struct virtio_net_hdr, the offload header that TAP puts before each frame (VIRTIO 1.2 §5.1.6): ten octets, little
 * endian because the device is told so (TUNSETVNETLE).
 */
import { byte, decodeHeader, encodeHeader, halfLe, header, offsetOf } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

const VNET_HDR = header(
  byte('flags'), byte('gsoType'), halfLe('hdrLen'), halfLe('gsoSize'), halfLe('csumStart'), halfLe('csumOffset'))

/** Offsets in it (`csumStart`) count from the start of the frame; `csumOffset` from `csumStart`. */
export type VnetHdr = HeaderRecord<typeof VNET_HDR>

/** Read the 16-bit fields with `littleEndian` true. */
export const VNET_FLAGS = offsetOf(VNET_HDR, 'flags')
export const VNET_GSO_TYPE = offsetOf(VNET_HDR, 'gsoType')
export const VNET_HDR_LEN_FIELD = offsetOf(VNET_HDR, 'hdrLen')
export const VNET_GSO_SIZE = offsetOf(VNET_HDR, 'gsoSize')
export const VNET_CSUM_START = offsetOf(VNET_HDR, 'csumStart')
export const VNET_CSUM_OFFSET = offsetOf(VNET_HDR, 'csumOffset')
export const VNET_HDR_LEN = VNET_HDR.size

/** `flags`: the checksum at csumStart + csumOffset is only the pseudo-header's; or: the checksum was verified. */
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1
export const VIRTIO_NET_HDR_F_DATA_VALID = 2

export const VIRTIO_NET_HDR_GSO_NONE = 0
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1
export const VIRTIO_NET_HDR_GSO_UDP = 3
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4
export const VIRTIO_NET_HDR_GSO_UDP_L4 = 5
export const VIRTIO_NET_HDR_GSO_ECN = 0x80

export function decodeVnetHdr(bytes: Uint8Array, at: number): VnetHdr {
  return decodeHeader(VNET_HDR, bytes, at)
}

export function encodeVnetHdr(h: Readonly<VnetHdr>, bytes: Uint8Array, at: number): number {
  return encodeHeader(VNET_HDR, h, bytes, at)
}
