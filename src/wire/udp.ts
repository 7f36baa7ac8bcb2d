/** The UDP header (RFC 768). */
import { decodeHeader, encodeHeader, half, header, offsetOf } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

const UDP = header(half('sport'), half('dport'), half('len'), half('sum'))

/** `len` covers header and data; `sum` 0 means that no checksum was computed. */
export type UdpHeader = HeaderRecord<typeof UDP>

export const UDP_SPORT = offsetOf(UDP, 'sport')
export const UDP_DPORT = offsetOf(UDP, 'dport')
export const UDP_LEN = offsetOf(UDP, 'len')
export const UDP_SUM = offsetOf(UDP, 'sum')
export const UDP_HDR_LEN = UDP.size

export function decodeUdp(bytes: Uint8Array, at: number): UdpHeader {
  return decodeHeader(UDP, bytes, at)
}

export function encodeUdp(h: Readonly<UdpHeader>, bytes: Uint8Array, at: number): number {
  return encodeHeader(UDP, h, bytes, at)
}

/** tcpdump's words: `UDP, length 12`; a length below the header's is `UDP, bad length 4`. */
export function printUdp(h: Readonly<UdpHeader>): string {
  return h.len < UDP_HDR_LEN ? `UDP, bad length ${h.len}` : `UDP, length ${h.len - UDP_HDR_LEN}`
}
